// A page is there before its scripts are: what is pressed until they have run is pressed once more then.

const early = [];

function keep(event) {
  const button = event.target.closest?.('button[type=button]');
  if (!button) return;
  event.stopImmediatePropagation();
  if (!early.includes(button)) early.push(button);
}

addEventListener('click', keep, true);
addEventListener('DOMContentLoaded', () => {
  removeEventListener('click', keep, true);
  early.forEach((button) => button.click());
});
