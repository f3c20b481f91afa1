// Starts the panel. A file of its own, so that the page needs no inline script and its content security policy can be strict.
import init from "/drawbridge-ui.js";

init({ module_or_path: "/drawbridge-ui_bg.wasm" }).catch((error) => {
  const text = document.createElement("p");
  text.className = "waiting";
  text.setAttribute("role", "alert");
  text.textContent = `The panel could not be started: ${error}. Reload the page; an old browser may lack WebAssembly.`;
  document.body.append(text);
});

// Only the terminal needs it, which comes with a part that is fetched later.
import("/terminal.js");
