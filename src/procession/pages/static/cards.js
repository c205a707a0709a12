/* Cards are dragged by their grips; a drop presses the button of a form, as those do that move a card by one place. */
(() => {
const d = document
let held, over
const rows = card => card.id.slice(0, card.id.lastIndexOf("."))
const place = card => Number(card.id.slice(card.id.lastIndexOf(".") + 1))
const clear = () => over?.classList.remove("before", "after")

d.addEventListener("dragstart", event => {
  if (!event.target.matches?.(".grip")) return
  held = event.target.closest("[data-card]")
  // Firefox drags nothing that carries nothing.
  event.dataTransfer.setData("text/plain", held.innerText.split("\n", 1)[0])
  event.dataTransfer.effectAllowed = "move"
  event.dataTransfer.setDragImage(held, 8, 8)
  held.classList.add("held")
})
d.addEventListener("dragover", event => {
  const card = held && event.target.closest("[data-card]")
  clear()
  over = null
  // Cards may stand in cards: only those of one list change places.
  for (let at = card; at && !over; at = at.parentElement.closest("[data-card]")) if (rows(at) === rows(held)) over = at
  if (!over) return
  event.preventDefault()
  const box = over.getBoundingClientRect()
  over.classList.add(event.clientY < box.top + box.height / 2 ? "before" : "after")
})
d.addEventListener("drop", event => {
  if (!held || !over) return
  event.preventDefault()
  const from = place(held), gap = place(over) + over.classList.contains("after"), to = gap > from ? gap - 1 : gap
  if (to === from) return
  const value = `move ${held.id} ${to}`
  const button = Object.assign(d.createElement("button"), { name: "do", value, hidden: true, formNoValidate: true })
  const form = held.closest("form")
  form.append(button)
  form.requestSubmit(button)
})
d.addEventListener("dragend", () => {
  clear()
  held?.classList.remove("held")
  held = over = null
})
})()
