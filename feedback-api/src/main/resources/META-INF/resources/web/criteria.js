// Ratings besides the places, as operators write them: one a line, "Correct*: no fact is wrong".

/** Of text; what a line cannot say (the number of steps) stays as it is in `before`. */
export function criteriaOf(text, before = []) {
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '').map((line) => {
    const [, name, star, description] = line.match(/^([^:*]+)(\*?)\s*:?\s*(.*)$/) ?? [null, line, '', ''];
    const known = before.find((criterion) => criterion.name === name.trim());
    const id = known?.id ?? name.trim().toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
    return { ...(known?.steps ? { steps: known.steps } : {}), id, name: name.trim(), description, required: star === '*' };
  });
}

/** The other way round. */
export function textOf(criteria) {
  return criteria.map(({ name, required, description }) => `${name}${required ? '*' : ''}${description ? `: ${description}` : ''}`).join('\n');
}
