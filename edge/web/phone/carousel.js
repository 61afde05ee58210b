// The styles as a row of buttons, each with the newest frame in its style; one of them is chosen.

const SIDE = 96; // pixels of a thumbnail
const AGAIN = 1500; // milliseconds from one thumbnail to the next

export class Carousel {
  #buttons = new Map(); // style -> button
  #turn = 0;

  constructor(row, styles, choose) {
    this.names = styles.map(({ name }) => name);
    for (const { name, title, artist, year } of styles) {
      const button = document.createElement("button");
      const [picture, label] = [document.createElement("canvas"), document.createElement("span")];
      Object.assign(picture, { width: SIDE, height: SIDE });
      picture.setAttribute("aria-hidden", "true");
      label.textContent = title.split(/ *[:(]/)[0]; // the whole title is told to those who point or listen
      button.append(picture, label);
      Object.assign(button, { type: "button", value: name, title: [title, artist, year].filter(Boolean).join(", ") });
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", button.title);
      button.onclick = () => choose(name);
      this.#buttons.set(name, button);
    }
    row.replaceChildren(...this.#buttons.values());
    row.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.#buttons.get(choose(this.beside(event.target.value, step))).focus();
    };
  }

  beside(name, step) {
    const count = this.names.length;
    return this.names[(this.names.indexOf(name) + step + count) % count];
  }

  mark(chosen) {
    for (const [name, button] of this.#buttons) {
      button.setAttribute("aria-checked", name === chosen);
      button.tabIndex = name === chosen ? 0 : -1;
    }
    const { offsetLeft, offsetWidth, parentElement: row } = this.#buttons.get(chosen);
    row.scrollLeft = offsetLeft + (offsetWidth - row.clientWidth) / 2;
  }

  // Keep the thumbnails up to date: all of them at once, then one after another, while there are frames.
  async follow(painter) {
    for (;;) {
      const first = this.#turn < this.names.length;
      const name = this.names[this.#turn % this.names.length];
      if (!document.hidden && !painter.paused) {
        const image = await painter.thumbnail({ [name]: 1 }, SIDE).catch(() => null);
        if (image) {
          this.#buttons.get(name).firstChild.getContext("2d").putImageData(image, 0, 0);
          this.#buttons.get(name).classList.add("seen");
          this.#turn++;
        }
      }
      await new Promise((then) => setTimeout(then, first ? 100 : AGAIN));
    }
  }
}
