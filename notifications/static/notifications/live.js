// Keeps the parts marked data-live as the server has them now, until none of them is marked data-running.
// Only those parts change: an open preview, a scrolled page and the keyboard's place stay. At the end the page is
// loaded once more, since other steps are open then.
"use strict";

const SECONDS = 3;

async function look() {
  try {
    const answer = await fetch(window.location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return window.location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const now = fresh.getElementById(part.id);
      if (now && !part.contains(document.activeElement)) part.replaceWith(now);
    }
    if (!document.querySelector("[data-running]")) return window.location.reload();
  } catch {
    // the network is away for a moment: look again
  }
  window.setTimeout(look, SECONDS * 1000);
}

window.setTimeout(look, SECONDS * 1000);
