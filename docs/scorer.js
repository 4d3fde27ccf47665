// Search: the definition of a name first, then titles, then text
const asked = () => (new URLSearchParams(window.location.search).get('q') || '').trim().split('.').pop();
var Scorer = {
  // of several things with the same name: as it is written (fit, not Fit), functions and classes, then methods, modules
  score: ([docname, title, anchor, descr, score]) =>
    score + (title.split('.').pop() === asked() ? 200 : 0) + (/^Python (function|class)/.test(descr) ? 100 : /^Python (method|property)/.test(descr) ? 50 : 0),
  objNameMatch: 1000,
  objPartialMatch: 30,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
