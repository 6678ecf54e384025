// Light or dark as chosen in this browser, before anything is painted; without a choice the system's.

try {
  const chosen = localStorage.getItem('podium.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch { /* a forbidden store has no choice in it */ }
