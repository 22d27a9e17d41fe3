// The theme is chosen before the first paint. "auto" follows the system.
(function () {
  'use strict';
  var themes = ['auto', 'light', 'dark'];
  function stored() {
    try { return localStorage.getItem('quorate-theme'); } catch (e) { return null; } // storage may be forbidden
  }
  function apply(theme) {
    if (theme === 'auto') document.documentElement.removeAttribute('data-theme');
    else document.documentElement.setAttribute('data-theme', theme);
  }
  var now = themes.indexOf(stored()) >= 0 ? stored() : 'auto';
  apply(now);
  window.quorateTheme = {
    get name() { return now; },
    next: function () {
      now = themes[(themes.indexOf(now) + 1) % themes.length];
      apply(now);
      try { localStorage.setItem('quorate-theme', now); } catch (e) { /* kept for this page alone */ }
      return now;
    },
  };
})();
