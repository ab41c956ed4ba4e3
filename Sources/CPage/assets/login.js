// The login works without this file. It keeps the place that was asked for, and says when a token was refused.
const form = document.getElementById("login");
form.action = "/login" + location.hash;

if (location.search === "?refused") {
  document.getElementById("refused").hidden = false;
  history.replaceState(null, "", "/" + location.hash);
}

// A link on another site is followed without the cookie (SameSite=Strict); from here it goes along. Once only.
const kind = performance.getEntriesByType("navigation")[0]?.type;
if (kind !== "reload") {
  const answer = await fetch("/v1/version").catch(() => null);
  if (answer?.ok) location.reload();
}
