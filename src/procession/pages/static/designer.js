/* Keys of the designer; every one of them presses a button that is there without it. */
(() => {
const d = document, one = q => d.querySelector(q)

// In a field, Alt with an arrow is the browser's: it opens a list of choices.
const FIELDS = "input:not([type=checkbox], [type=radio]), select, textarea"
d.addEventListener("keydown", event => {
  const way = event.altKey && !event.ctrlKey && !event.metaKey && { ArrowUp: "up", ArrowDown: "down" }[event.key]
  const button = way && one(`.steplist button[value="${way}"]`)
  if (!button || event.target.matches(FIELDS) || event.target.shadowRoot || one("dialog:modal")) return
  event.preventDefault()
  button.click()
})

// What was typed and not kept is not lost by a slip; every button of the page takes it along.
let isTyped = false
d.addEventListener("input", event => { isTyped ||= Boolean(event.target.form?.matches("[data-typed]")) })
d.addEventListener("submit", () => { isTyped = false })
addEventListener("beforeunload", event => { if (isTyped) event.preventDefault() })

// A screen reader announces what changes, not what a page begins with.
const said = one("[data-said]")
if (said?.dataset.said) setTimeout(() => { said.textContent = said.dataset.said }, 200)
})()
