/* All works without this. */
(() => {
const d = document, all = (q, e = d) => [...e.querySelectorAll(q)], one = q => d.querySelector(q)
const on = (name, act) => d.addEventListener(name, act, name === "scroll")
const named = name => `input[name="${CSS.escape(name)}"]`

// data-key presses it. The account can switch keys off.
const places = { h: "/", p: "/processes", r: "/runs", t: "/tables" }, LINK = "th a, a.open, a.name"
let went = 0
const rows = () => all("main tbody tr").filter(row => row.offsetParent && row.querySelector(LINK))
const go = (by, found = rows()) => {
  const at = found.indexOf(d.activeElement.closest("tr")), last = found.length - 1
  found[at < 0 ? by > 0 ? 0 : last : Math.min(Math.max(at + by, 0), last)]?.querySelector(LINK).focus()
}
const acts = {
  "/": () => one("#find")?.focus(),
  "?": () => one("#keys")?.showModal(),
  g: () => went = Date.now(),
  j: () => go(1),
  k: () => go(-1),
  f: () => {
    const failed = rows().filter(row => row.matches(".failed"))
    go(failed.at(-1) === d.activeElement.closest("tr") ? -failed.length : 1, failed)
  },
  x: () => d.activeElement.closest("tr")?.querySelector("input[type=checkbox]")?.click()
}
on("keydown", event => {
  const key = event.key, at = event.target
  if (event.ctrlKey || event.metaKey || event.altKey || d.documentElement.dataset.keys == "off") return
  if (at.matches("input:not([type=checkbox], [type=radio]), select, textarea") || one("dialog:modal")) return
  const place = Date.now() - went < 1500 && places[key]
  const press = all(`[data-key="${CSS.escape(key)}"]`).find(found => found.offsetParent)
  went = 0
  if (!place && !acts[key] && !press) return
  event.preventDefault()
  if (place) location = place
  else if (acts[key]) acts[key]()
  else press.click()
})

// A log follows while its reader is at its end and wants it to.
const away = new WeakSet()
const follow = () => all("[data-log]").forEach(log => {
  if (away.has(log) || one("[data-follow]")?.checked === false) return
  while (log.childNodes[500]) log.firstChild.remove()
  log.scrollTop = log.scrollHeight
})
on("scroll", ({ target: log }) => {
  if (log.dataset) away[log.scrollHeight - log.scrollTop - log.clientHeight < 24 ? "delete" : "add"](log)
})

// data-all="ids" ticks all of that name, data-count="ids" says how many are, data-bulk="ids" is there for some.
const count = () => all("[data-count], [data-bulk]").forEach(found => {
  const name = found.dataset.count, number = all(`${named(name || found.dataset.bulk)}:checked`).length
  if (name) found.textContent = number
  else found.hidden = !number
})
on("change", ({ target: box }) => {
  if (box.dataset.all) all(named(box.dataset.all)).forEach(found => found.checked = box.checked)
  count()
  follow()
})

// What is shown this once is copied, or said to be kept, before the page goes without a question.
const keep = found => found?.closest("[data-once]")?.removeAttribute("data-once")
on("click", async event => {
  const found = event.target.closest("[data-copy], [data-print], [data-once] a"), from = found?.dataset.copy
  if (!found) return
  if (!from) return found.href ? keep(found) : print()
  try {
    await navigator.clipboard.writeText(one(from).textContent)
    found.textContent = "Copied"
    keep(found)
  } catch {
    // Without HTTPS a browser gives no clipboard to a page.
    getSelection().selectAllChildren(one(from))
    found.textContent = "Now press Ctrl+C"
  }
})
on("copy", () => keep(getSelection().anchorNode?.parentElement))
addEventListener("beforeunload", event => one("[data-once]") && event.preventDefault())
// A form is sent once.
on("submit", event => {
  const button = event.submitter
  // Names of files that were on their way are for nobody who comes after.
  if (/sign-out$/.test(event.target.action)) localStorage.clear()
  if (button?.ariaBusy) event.preventDefault()
  else if (button && event.target.method == "post") button.ariaBusy = "true"
})
addEventListener("pageshow", () => all("[aria-busy]").forEach(found => found.ariaBusy = null))

// After a swap a dialog opens, an opened step comes into sight.
on("htmx:after:swap", event => {
  follow()
  count()
  const target = event.detail.ctx.target, panel = one("#step")
  if (target?.matches?.("dialog:not([open])")) target.showModal()
  if (target?.id === "panes" && panel?.getBoundingClientRect().top > innerHeight - 80) {
    panel.scrollIntoView()
    panel.focus()
  }
})
const lose = is => one("#lost")?.toggleAttribute("hidden", !is)
on("htmx:sse:error", () => lose(1))
on("htmx:sse:after:connection", () => {
  lose(0)
  // Six tabs opened behind others would take all connections.
  setTimeout(() => d.hidden && d.dispatchEvent(new Event("visibilitychange")))
})
follow()
count()
})()
