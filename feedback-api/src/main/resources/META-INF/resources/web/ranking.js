// The state of one ranking: places, ties, unacceptable marks, ratings, undo and redo. Knows no page.

export class Ranking {
  /** @param ids outputs in the order shown; @param rules of the project */
  constructor(ids, rules = {}) {
    this.ids = ids;
    this.tiesAllowed = rules.tiesAllowed !== false;
    this.criteria = rules.criteria ?? [];
    const topK = rules.topK ?? 0;
    this.places = topK > 0 ? Math.min(topK, ids.length) : ids.length;
    this.needed = this.places;
    this.topOnly = this.places < ids.length;
    this.placeOf = new Map();
    this.unacceptable = new Set();
    this.ratings = new Map();
    this.past = [];
    this.future = [];
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

  /** Rates an output by a criterion; the same value again takes the rating away. Returns the value, or 0. */
  rate(id, criterion, value) {
    this.#remember();
    const own = { ...(this.ratings.get(id) ?? {}) };
    if (own[criterion] === value) delete own[criterion];
    else own[criterion] = value;
    this.ratings.set(id, own);
    return own[criterion] ?? 0;
  }

  undo() {
    return this.#step(this.past, this.future);
  }

  redo() {
    return this.#step(this.future, this.past);
  }

  missing() {
    return this.ids.filter((id) => !this.placeOf.has(id));
  }

  /** Outputs that lack a rating which the project asks for, with its criterion. */
  missingRatings() {
    return this.criteria.filter((criterion) => criterion.required).flatMap((criterion) => this.ids
      .filter((id) => !this.ratings.get(id)?.[criterion.id]).map((id) => ({ id, criterion })));
  }

  /** In top-k mode some outputs may stay without a place. */
  get placed() {
    return this.placeOf.size >= this.needed;
  }

  get complete() {
    return this.placed && this.missingRatings().length === 0;
  }

  in(place) {
    return this.ids.filter((id) => this.placeOf.get(id) === place);
  }

  /** Tie groups, best first; empty places are skipped. */
  groups() {
    return Array.from({ length: this.places }, (_, i) => this.in(i + 1)).filter((group) => group.length > 0);
  }

  /** Ratings by output, without those that have none. */
  allRatings() {
    return Object.fromEntries([...this.ratings].filter(([, own]) => Object.keys(own).length > 0));
  }

  toJSON() {
    return { places: Object.fromEntries(this.placeOf), unacceptable: [...this.unacceptable], ratings: this.allRatings() };
  }

  /** Takes over a draft or an earlier ranking; ignores outputs that are not here. */
  restore({ places = {}, unacceptable = [], ratings = {} }) {
    const here = (id) => this.ids.includes(id);
    this.placeOf = new Map(Object.entries(places).filter(([id, place]) => here(id) && place >= 1 && place <= this.places));
    this.unacceptable = new Set(unacceptable.filter(here));
    this.ratings = new Map(Object.entries(ratings).filter(([id]) => here(id)).map(([id, own]) => [id, Object.fromEntries(
      this.criteria.filter((c) => own[c.id] >= 1 && own[c.id] <= c.steps).map((c) => [c.id, own[c.id]]))]));
  }

  restoreGroups(groups = [], unacceptable = [], ratings = {}) {
    const places = {};
    let next = 1;
    for (const group of groups) {
      for (const id of group) places[id] = next;
      next += group.length; // 1, 1, 3: a tie takes as many places as it has outputs, as people expect
    }
    this.restore({ places, unacceptable, ratings });
    // In top-k mode a tie may push later groups out: fall back to dense places.
    if (this.placeOf.size < groups.flat().length) {
      this.restore({ places: Object.fromEntries(groups.flatMap((group, i) => group.map((id) => [id, i + 1]))), unacceptable, ratings });
    }
  }

  /** Runs a change as one step that undo takes back. */
  asOneStep(change) {
    this.#remember();
    change();
  }

  #remember() {
    this.past.push(this.toJSON());
    if (this.past.length > 200) this.past.shift();
    this.future = [];
  }

  #step(from, to) {
    const state = from.pop();
    if (!state) return false;
    to.push(this.toJSON());
    this.restore(state);
    return true;
  }
}
