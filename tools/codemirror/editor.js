/* The text of a process file in an editor: everything else of the page stays a form. */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands"
import { yaml } from "@codemirror/lang-yaml"
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language"
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint"
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search"
import { EditorState } from "@codemirror/state"
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view"
import { tags } from "@lezer/highlight"

const area = document.querySelector("textarea[data-editor]"), form = area.form, PLACE = "editor " + location.pathname

// The colours are those of the page, so they follow its theme.
const colours = HighlightStyle.define([
  { tag: tags.definition(tags.propertyName), color: "var(--accent)", fontWeight: "600" },
  { tag: tags.comment, color: "var(--ink-2)", fontStyle: "italic" },
  { tag: [tags.meta, tags.keyword, tags.labelName], color: "var(--warn)" }
])
const looks = EditorView.theme({
  "&": { backgroundColor: "var(--sunken)", color: "var(--ink)", fontSize: "0.8125rem", maxHeight: "min(75vh, 60rem)", border: "1px solid var(--line-2)", borderRadius: "var(--r)" },
  "&.cm-focused": { outline: "3px solid var(--run)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--ink-2)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--accent) 9%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "color-mix(in oklab, var(--accent) 30%, transparent)" },
  ".cm-panels, .cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--ink)" },
  ".cm-panel button, .cm-panel input": { backgroundImage: "none", backgroundColor: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-2)", fontSize: "0.8125rem" },
  ".cm-searchMatch": { backgroundColor: "color-mix(in oklab, var(--warn) 30%, transparent)" },
  // Pictures in a style sheet are data: addresses, which the policy of the page refuses.
  ".cm-lint-marker-error": { content: "normal", width: "0.625em", height: "0.625em", margin: "0.4em 0.2em", borderRadius: "50%", backgroundColor: "var(--bad)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)" },
  ".cm-diagnostic": { color: "var(--ink)" }
})

const lineAt = number => view.state.doc.line(Math.min(Math.max(number, 1), view.state.doc.lines))
const go = number => {
  const from = lineAt(number).from
  view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) })
  view.focus()
}
// Ctrl+S keeps the text as the button does.
const keep = () => (form.requestSubmit(form.querySelector("button")), true)
// In a shadow root its styles are constructed sheets; in the page they would be <style> elements, which the policy refuses.
const host = document.createElement("div")
const root = host.attachShadow({ mode: "open" })
// Over several lines the browser would write style attributes into what it joins, which the policy refuses.
const overLines = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to } = view.state.selection.main
    if (event.inputType !== "insertText" || event.isComposing || event.data === null || from === to) return false
    event.preventDefault()
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true })
    return true
  }
})
const view = new EditorView({
  root,
  parent: root,
  state: EditorState.create({
    doc: area.value,
    extensions: [
      lineNumbers(), highlightActiveLine(), highlightActiveLineGutter(), drawSelection(), history(), indentOnInput(),
      bracketMatching(), highlightSelectionMatches(), lintGutter(), yaml(), indentUnit.of("  "), syntaxHighlighting(colours), looks, overLines,
      EditorView.contentAttributes.of({ "aria-label": "Process file", spellcheck: "false", tabindex: "0" }),
      // Tab goes on to the next field, as everywhere; Ctrl+] and Ctrl+[ indent.
      keymap.of([{ key: "Mod-s", run: keep, preventDefault: true }, ...defaultKeymap, ...historyKeymap, ...searchKeymap, ...lintKeymap])
    ]
  })
})
// From outside, a key that is typed in here looks as if it were pressed on the page, which has shortcuts.
host.addEventListener("keydown", event => event.stopPropagation())
area.hidden = true
area.before(host)
view.dispatch(setDiagnostics(view.state, JSON.parse(area.dataset.mistakes).map(({ line, column, message }) => {
  const found = lineAt(line), from = Math.min(found.from + column - 1, found.to)
  return { from, to: Math.max(found.to, from), severity: "error", message }
})))

// What is sent is what the editor shows; the cursor is where it was when the page comes back.
let isSent = false
form.addEventListener("submit", () => {
  // What is typed after that would be lost with the page.
  host.inert = isSent = true
  area.value = view.state.doc.toString()
  const { head } = view.state.selection.main
  sessionStorage.setItem(PLACE, JSON.stringify({ head, top: view.scrollDOM.scrollTop }))
})
const place = JSON.parse(sessionStorage.getItem(PLACE) || "null"), line = hash => +(/#line-(\d+)$/.exec(hash)?.[1] || 0)
sessionStorage.removeItem(PLACE)
if (line(location.hash)) go(line(location.hash))
else if (place) {
  view.dispatch({ selection: { anchor: Math.min(place.head, view.state.doc.length) } })
  view.focus()
  requestAnimationFrame(() => { view.scrollDOM.scrollTop = place.top })
}
document.addEventListener("click", event => {
  const link = event.target.closest("a"), number = link && new URL(link.href).pathname === location.pathname && line(link.href)
  if (!number) return
  event.preventDefault()
  go(number)
})
// A text that was typed and not kept is not lost by a slip.
addEventListener("pageshow", () => { host.inert = isSent = false })
addEventListener("beforeunload", event => {
  if (!isSent && view.state.doc.toString() !== area.defaultValue.replace(/\r\n/g, "\n")) event.preventDefault()
})
