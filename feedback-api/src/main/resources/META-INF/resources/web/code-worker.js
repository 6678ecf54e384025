// Colours code away from the page: a pattern that never ends on hostile text stops this worker, not the form.

/* global hljs */
importScripts('/webjars/highlightjs/highlight.min.js');
postMessage({ ready: true });

onmessage = ({ data: { id, language, text } }) => {
  const known = hljs.getLanguage(language);
  const root = known && hljs.highlight(text, { language, ignoreIllegals: true })._emitter.root;
  postMessage({ id, tokens: root ? root.children.map(plain) : null });
};

function plain(node) {
  return typeof node === 'string' ? node : { scope: node.scope ?? '', children: node.children.map(plain) };
}
