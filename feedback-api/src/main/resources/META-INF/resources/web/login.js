// Says that something happens while the log-in runs, and helps after a failure.

const form = document.querySelector('form.login');
form.addEventListener('submit', () => {
  const button = form.querySelector('button');
  button.setAttribute('aria-busy', 'true');
  button.textContent = 'Logging in…';
});
