// The state of one ranking: places, ties, unacceptable marks, undo. Knows no page.

export class Ranking {
  /** @param ids outputs in the order shown; @param rules of the project */
  constructor(ids, rules = {}) {
    this.ids = ids;
    this.tiesAllowed = rules.tiesAllowed !== false;
    const topK = rules.topK ?? 0;
    this.places = topK > 0 ? Math.min(topK, ids.length) : ids.length;
    this.needed = this.places;
    this.topOnly = this.places < ids.length;
    this.placeOf = new Map();
    this.unacceptable = new Set();
    this.past = [];
  }

  /** Puts an output in a place; the same place again takes it away. Returns what else moved. */
  place(id, place) {
    if (place < 1 || place > this.places) return null;
    this.#remember();
    const before = this.placeOf.get(id);
    if (before === place) {
      this.placeOf.delete(id);
      return { taken: true };
    }
    let moved;
    if (!this.tiesAllowed) {
      moved = this.ids.find((other) => other !== id && this.placeOf.get(other) === place);
      if (moved !== undefined) {
        if (before === undefined) this.placeOf.delete(moved);
        else this.placeOf.set(moved, before);
      }
    }
    this.placeOf.set(id, place);
    return { moved };
  }

  clear(id) {
    if (!this.placeOf.has(id)) return false;
    this.#remember();
    this.placeOf.delete(id);
    return true;
  }

  toggleUnacceptable(id) {
    this.#remember();
    if (!this.unacceptable.delete(id)) this.unacceptable.add(id);
    return this.unacceptable.has(id);
  }

  undo() {
    const last = this.past.pop();
    if (!last) return false;
    this.placeOf = new Map(last.places);
    this.unacceptable = new Set(last.unacceptable);
    return true;
  }

  missing() {
    return this.ids.filter((id) => !this.placeOf.has(id));
  }

  /** In top-k mode some outputs may stay without a place. */
  get complete() {
    return this.placeOf.size >= this.needed;
  }

  in(place) {
    return this.ids.filter((id) => this.placeOf.get(id) === place);
  }

  /** Tie groups, best first; empty places are skipped. */
  groups() {
    return Array.from({ length: this.places }, (_, i) => this.in(i + 1)).filter((group) => group.length > 0);
  }

  toJSON() {
    return { places: [...this.placeOf], unacceptable: [...this.unacceptable] };
  }

  /** Takes over a draft or an earlier ranking; ignores outputs that are not here. */
  restore({ places = [], unacceptable = [] }) {
    this.placeOf = new Map(places.filter(([id, place]) => this.ids.includes(id) && place >= 1 && place <= this.places));
    this.unacceptable = new Set(unacceptable.filter((id) => this.ids.includes(id)));
  }

  restoreGroups(groups = [], unacceptable = []) {
    const places = [];
    let next = 1;
    for (const group of groups) {
      for (const id of group) places.push([id, next]);
      next += group.length; // 1, 1, 3: a tie takes as many places as it has outputs, as people expect
    }
    this.restore({ places, unacceptable });
    // In top-k mode a tie may push later groups out: fall back to dense places.
    if (this.placeOf.size < groups.flat().length) {
      this.restore({ places: groups.flatMap((group, i) => group.map((id) => [id, i + 1])), unacceptable });
    }
  }

  #remember() {
    this.past.push(this.toJSON());
    if (this.past.length > 200) this.past.shift();
  }
}
