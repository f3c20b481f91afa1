// Starts the panel. A file of its own, so that the page needs no inline script and its content security policy can be strict;
// xtask/src/script.rs puts it behind wasm-bindgen's script.

// The first question of api/send.rs: its answer is read while the module is still on its way.
window.drawbridgeEarly = {
  "/api/snapshot": fetch("/api/snapshot", { signal: AbortSignal.timeout(10_000) })
    .then(async (answer) => ({ status: answer.status, body: await answer.arrayBuffer() })),
};

__wbg_init({ module_or_path: "/drawbridge-ui_bg.wasm" }).catch((error) => {
  const text = document.createElement("p");
  text.className = "waiting";
  text.setAttribute("role", "alert");
  text.textContent = `The panel could not be started: ${error}. Reload the page; an old browser may lack WebAssembly.`;
  document.body.append(text);
});

// For components/terminal.rs: WebAssembly cannot import a script. A browser keeps a failure under its address for as long as the
// page is there, so another is asked for then.
let failed = 0;
const terminal = () => import(failed ? `/terminal.js?${failed}` : "/terminal.js").catch((error) => {
  failed += 1;
  throw error;
});
window.drawbridgeTerminal = () => terminal().catch(terminal);
