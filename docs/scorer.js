// Search: the definition of a name first, then titles, then text
var Scorer = {
  // of several things with the same name: functions and classes, then methods, then modules
  score: ([docname, title, anchor, descr, score]) =>
    score + (/^Python (function|class)/.test(descr) ? 100 : /^Python (method|property)/.test(descr) ? 50 : 0),
  objNameMatch: 1000,
  objPartialMatch: 30,
  objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
