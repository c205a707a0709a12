/* Large files go in chunks, and go on after a lost network or a reload; what fails is said where the file was chosen.
   htmx sends small ones. Without this, forms send files whole. */
(() => {
const d = document, one = (q, e = d) => e.querySelector(q), on = (name, act) => d.addEventListener(name, act, true)
const LARGE = 8e6, IDLE = 12e4, SECONDS_MAX = 60, TRIES_MAX = 8
const INPUT = "input[data-send]", ups = new Map(), sample = one("#sending"), words = sample.dataset
const find = name => one(`${INPUT}[name="${CSS.escape(name)}"]`), zone = up => find(up.name)?.closest("[data-zone]")
const isSame = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified
let wanted, making

/* What the server says; throws the request that was refused or cut off. One that moves nothing for long is lost. */
const ask = (up, method, address, body, moved) => new Promise((done, fail) => {
  const ajax = up.ajax = new XMLHttpRequest()
  let idle
  const wait = () => { clearTimeout(idle); idle = setTimeout(() => ajax.abort(), IDLE) }
  ajax.open(method, address)
  ajax.setRequestHeader("HX-Request", "true")
  ajax.upload.onprogress = event => { wait(); moved?.(event.loaded) }
  ajax.onloadend = () => {
    clearTimeout(idle)
    const { status, responseText: text } = ajax
    status && status < 400 ? done(text[0] === "{" ? JSON.parse(text) : {}) : fail(ajax)
  }
  ajax.send(body)
  wait()
})

/* All that is not there yet; gives the address where the file is seen. A second call goes on where the first stood. */
const deliver = async (up, base) => {
  const { file } = up, { name, size } = file, whole = () => new URLSearchParams({ name, size })
  // The server knows an upload by its session. A browser that comes back tells by these that the file is the same.
  up.key = [base, size, file.lastModified, name].join()
  const known = localStorage[up.key]?.split(",")[0] ?? ""
  const state = await ask(up, "GET", `${base}?session=${known}`), form = `?form=${state.form}`
  if (!state.session) Object.assign(state, await ask(up, "POST", base + form, whole()))
  localStorage[up.key] = [state.session, Date.now()]
  const at = `${base}/${state.session}`
  up.ending = `${at}/end${form}`
  for (let number = 1, sent = 0; !state.done && (sent < size || number === 1); sent = state.chunk * number++) {
    const piece = file.slice(sent, sent + state.chunk), body = new FormData()
    up.show(sent)
    if (state.kept[number] === piece.size) continue
    // Read first: so a file that was changed is told from a lost network.
    body.append("file", new Blob([await piece.arrayBuffer()]), name)
    if (up.over) return
    await ask(up, "POST", `${at}/chunks/${number}${form}`, body, moved => up.show(sent + moved))
    up.tries = 0
  }
  up.show(size)
  say(up, words.reads)
  up.had = up.box.contains(d.activeElement)
  // Too late: it would say that nothing has come of it.
  one(".stop", up.box).hidden = true
  return (await ask(up, "POST", `${at}/commit${form}`, whole())).page
}

// Anew after each swap: the page of a process becomes that of its run.
const place = up => (zone(up) ?? one("#main")).append(up.box)
const waits = () => wanted ? words.waits.replace("#", wanted.textContent) : ""
const say = (up, text = waits(), why = [], stuck = why.length > 0) => {
  up.stuck = stuck
  one(".again", up.box).hidden = !(stuck && up.file.slice)
  one(".stop", up.box).hidden = false
  one("[role=status]", up.box).textContent = text
  one(".err", up.box).hidden = !why.length
  one(".err span", up.box).replaceChildren(...why)
}
const inMB = size => `${(size / 1e6).toFixed(1).replace(".", words.mark)} MB`
const inUnits = size => size < 1e6 ? `${Math.ceil(size / 1e3)} kB` : inMB(size)
// Of an input that is folded away, what unfolds it.
const focus = at => (one("summary", at) ?? one(INPUT, at))?.focus()
const begin = (name, file) => {
  const old = ups.get(name), box = sample.content.firstElementChild.cloneNode(true)
  if (old) leave(old, isSame(old.file, file))
  const up = { name, file, box }
  up.show = sent => {
    one("progress", box).value = Math.min(sent / (file.size || 1), 1)
    one(".sent", box).textContent = `${inUnits(Math.min(sent, file.size))} of ${inUnits(file.size)}`
  }
  one("strong", box).textContent = box.ariaLabel = one("progress", box).ariaLabel = file.name
  one(".stop", box).onclick = () => { wanted = null; leave(up); find(name).value = ""; focus(zone(up)) }
  one(".again", box).onclick = () => { one(".stop", box).focus(); up.wake ? up.wake() : send(up) }
  ups.set(name, up)
  one(".told", zone(up))?.remove()
  place(up)
  return up
}
// What is left unfinished, the browser forgets, and the server all that has arrived; unless it is needed yet.
const leave = (up, isNeeded) => {
  up.over = true
  up.ajax?.abort()
  up.box.remove()
  ups.delete(up.name)
  if (isNeeded) return
  delete localStorage[up.key]
  if (up.ending) fetch(up.ending, { method: "POST" }).catch(() => {})
}

// Its run is made first: by hand, so that a refusal is told here, and once more for the page. It stays one run.
const make = async (up, input) => {
  const to = input.getAttribute("hx-post"), form = new FormData(input.form)
  form.append("do", "later")
  await ask(up, "POST", to, form)
  await htmx.ajax("POST", to, { source: input, values: { do: "later" } })
}
const base = async up => {
  while (making) await making.catch(() => {})
  const input = find(up.name)
  if (input?.dataset.send === "") await (making = make(up, input).finally(() => { making = null }))
  return find(up.name)?.dataset.send
}
const send = async up => {
  up.tries = 0
  while (!up.over) {
    try {
      say(up)
      const to = await base(up)
      if (!to) return say(up, "", [words.gone])
      const page = await deliver(up, to)
      return up.over || await finish(up, page)
    } catch (error) {
      if (up.over) return
      const [why, seconds] = explain(up, error)
      if (!seconds) { wanted = null; return say(up, "", why) }
      const text = why.map(node => node.textContent ?? node).join(" ")
      say(up, `${text} ${words.again.replace("#", seconds)} ${waits()}`)
      one(".again", up.box).hidden = false
      await rest(up, seconds)
    }
  }
}
/* What went wrong: the nodes that say it, and in how many seconds to try again; 0: not by itself. */
const explain = (up, error) => {
  const { status } = error, pause = Math.min(2 ** up.tries++, SECONDS_MAX)
  if (status === undefined) return [[/^Not/.test(error.name) ? words.unread : words.odd.replace("#", error)], 0]
  // However long the network is away.
  if (!status) return [[words.lost], pause]
  const page = new DOMParser().parseFromString(error.responseText, "text/html"), note = one(".note div", page)
  const links = note ? [...note.querySelectorAll("a")] : [], after = +error.getResponseHeader("retry-after") || 0
  links.forEach(link => { link.target = "_blank" })
  const why = note ? [...note.childNodes] : [words[`s${status}`] ?? words.odd.replace("#", status)]
  // Its session went while the file came, or another tab was faster: once more, which asks how things stand.
  if ((status === 404 || status === 400) && up.ending && !up.anew) { up.anew = 1; return [why, 1] }
  const isShort = [429, 502, 503, 504].includes(status) && up.tries < TRIES_MAX
  return [why, isShort ? Math.max(pause, Math.min(after, SECONDS_MAX)) : 0]
}
/* Sooner, if the network comes back sooner, or its user says so. */
const rest = (up, seconds) => new Promise(done => {
  up.wake = () => { up.wake = null; done() }
  setTimeout(done, seconds * 1000)
  addEventListener("online", done, { once: true })
}).finally(() => { up.wake = null })

const finish = async (up, page) => {
  const at = zone(up), had = up.had || at.contains(d.activeElement)
  delete localStorage[up.key]
  up.ending = up.key = ""
  if (!at.id) {
    up.page = page
    return wanted ? go(up) : say(up, words.ready)
  }
  leave(up)
  const select = `#${at.id}`
  await htmx.ajax("GET", page, { source: at, target: at, select, swap: "outerMorph", selectOOB: "#before,#waits" })
  if (had) focus(at)
  if (!wanted || ups.size) return
  const button = one(`button[name="${wanted.name}"][value="${wanted.value}"]`)
  wanted = null
  button?.form.requestSubmit(button)
}
const go = up => { leave(up); location = up.page }

const take = (event, input) => {
  const file = input.files[0]
  event.preventDefault()
  event.stopPropagation()
  // Or the form that makes its run would send it too.
  if (input.hasAttribute("hx-post")) input.value = ""
  send(begin(input.name, file))
}
// Small ones that htmx could not send: the way of the large ones says why, and tries again.
const mend = event => {
  const input = event.detail.ctx?.sourceElement
  if (input?.matches?.(INPUT) && input.files[0]) take(event, input)
}
on("htmx:error", mend)
on("htmx:before:response", event => { if (event.detail.ctx.response.status >= 400) mend(event) })
on("htmx:after:swap", () => ups.forEach(place))
// So that the same file can be chosen again.
on("click", ({ target }) => { if (target.matches(INPUT)) { target.value = ""; target.required = false } })
on("change", event => {
  const input = event.target, file = input.matches(INPUT) && input.files[0], old = ups.get(input.name)
  if (!file) return
  if (file.size > LARGE || !input.hasAttribute("hx-post")) take(event, input)
  else if (old) leave(old)
})
on("submit", event => {
  const mine = [...ups.values()].filter(up => event.target.contains(up.box)), stuck = mine.find(up => up.stuck)
  if (!mine.length || event.submitter?.formMethod === "dialog") return
  event.preventDefault()
  event.stopPropagation()
  wanted = stuck ? null : event.submitter
  if (stuck) {
    one("[role=status]", stuck.box).textContent = words.stuck
    one("button:not([hidden])", stuck.box).focus()
  } else if (mine[0].page) go(mine[0])
  else mine.forEach(up => up.wake ? one("[role=status]", up.box).append(" ", waits()) : say(up))
})
on("close", event => {
  const mine = [...ups.values()].filter(up => event.target.contains(up.box))
  mine.forEach(up => { find(up.name).value = ""; leave(up) })
})

// A file that misses its place must not take the page away; one that hits the place of another takes it.
// A browser lets nobody drop several where one goes, and says nothing: so they are taken, and answered.
on("dragover", event => {
  const { items, types } = event.dataTransfer
  if (types.includes("Files") && !(event.target.matches(INPUT) && items.length === 1)) event.preventDefault()
})
on("drop", event => {
  const { target, dataTransfer: { files, items } } = event, at = target.closest("[data-zone]")
  const isFolder = [...items].some(item => item.webkitGetAsEntry?.()?.isDirectory), input = at && one(INPUT, at)
  if (!files.length && !isFolder || files.length === 1 && !isFolder && target === input) return
  event.preventDefault()
  if (!input) return
  one(".told", at)?.remove()
  if (files.length === 1 && !isFolder) {
    input.files = files
    input.dispatchEvent(new Event("change", { bubbles: true }))
  } else {
    const told = Object.assign(d.createElement("p"), { className: "err told", role: "alert" })
    at.append(told)
    told.textContent = isFolder ? words.folder : words.one
  }
})
addEventListener("beforeunload", event => {
  const isBusy = [...ups.values()].some(up => up.file.slice && !up.page)
  if (isBusy || one(".drop .htmx-request")) event.preventDefault()
})

// What a reload has cut off, or another day: it is offered where it was.
Object.keys(localStorage).forEach(async key => {
  const [to, size, lastModified, ...name] = key.split(","), input = one(`${INPUT}[data-send="${CSS.escape(to)}"]`)
  const [session, at] = localStorage[key].split(",")
  // The server has forgotten it too.
  if (Date.now() - at > 864e5) return delete localStorage[key]
  if (!input) return
  const up = begin(input.name, { name: name.join(), size: +size, lastModified: +lastModified })
  up.box.hidden = true
  const state = await ask(up, "GET", `${to}?session=${session}`).catch(() => leave(up, true))
  if (up.over) return
  up.key = key
  if (!state.session || state.done) return leave(up)
  up.ending = `${to}/${state.session}/end?form=${state.form}`
  up.box.hidden = false
  up.show(Object.values(state.kept).reduce((sum, bytes) => sum + bytes, 0))
  say(up, words.rest, [], true)
})
})()
