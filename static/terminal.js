// Puts xterm.js (MIT licence, installed from npm when the panel is built) into an element and ties it to a connection of the
// daemon. The panel imports it when a terminal is opened, and calls `open`; what is drawn around the terminal is the panel's.

const loaded = new Map();

/** Loads a classic script once; xterm.js and its add-on register themselves on `window`. One that did not come is asked for again by
 * whoever needs it next: a browser breaks off what is on its way when the machine gets or loses an interface. */
function script(address) {
  if (!loaded.has(address)) {
    loaded.set(address, new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = address;
      element.onload = resolve;
      element.onerror = () => {
        loaded.delete(address);
        reject(new Error(`cannot load ${address}`));
      };
      document.head.append(element);
    }));
  }
  return loaded.get(address);
}

function sheet(address) {
  if (!loaded.has(address)) {
    const element = document.createElement("link");
    element.rel = "stylesheet";
    element.href = address;
    document.head.append(element);
    loaded.set(address, true);
  }
}

/** The colours of the page, as they are at this moment. */
function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    background: colour("--terminal", "#11151a"),
    foreground: colour("--terminal-text", "#e6e9ed"),
    cursor: colour("--terminal-text", "#e6e9ed"),
    selectionBackground: "#4a6fa5",
  };
}

/**
 * Opens a terminal in `element` on the connection `address`. `onState(word, text)` is called with "open", "ended" or "lost" and
 * a sentence. The answer's `close()` takes both away.
 */
export function open(element, address, onState) {
  let socket = null;
  let terminal = null;
  let observer = null;
  let closed = false;
  const size = () => ({ resize: { rows: terminal.rows, columns: terminal.cols } });
  const say = (message) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(message);
  };

  async function start() {
    sheet("/vendor/xterm.css");
    for (const address of ["/vendor/xterm.js", "/vendor/addon-fit.js"]) {
      await script(address).catch(() => script(address));
    }
    if (closed) return;
    terminal = new Terminal({
      scrollback: 10000, cursorBlink: true, screenReaderMode: false, fontSize: 13, theme: theme(),
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono") || "monospace",
    });
    const fit = new FitAddon.FitAddon();
    terminal.loadAddon(fit);
    terminal.open(element);
    fit.fit();
    element.terminal = terminal;

    const bytes = new TextEncoder();
    terminal.onData((text) => say(bytes.encode(text)));
    terminal.onBinary((text) => say(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    terminal.onResize(() => say(JSON.stringify(size())));
    // With something selected, Ctrl-C copies it; otherwise it is typed. Ctrl-Shift-C copies in any case.
    terminal.attachCustomKeyEventHandler((event) => {
      const copies = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "c" && terminal.hasSelection();
      if (copies && event.type === "keydown") {
        copy(terminal.getSelection());
        terminal.clearSelection();
        event.preventDefault();
        return false;
      }
      // The browser pastes, and xterm.js takes what it pastes.
      return !((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "v");
    });
    observer = new ResizeObserver(() => fit.fit());
    observer.observe(element);

    const url = new URL(address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("rows", terminal.rows);
    url.searchParams.set("columns", terminal.cols);
    socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    // What has changed since the address was written could not be said.
    const asked = JSON.stringify(size());
    socket.onopen = () => {
      if (JSON.stringify(size()) !== asked) say(JSON.stringify(size()));
    };
    let told = false;
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        terminal.write(new Uint8Array(data));
        return;
      }
      const { opened, ended } = JSON.parse(data);
      if (opened) {
        terminal.options.convertEol = !opened.terminal;
        terminal.options.disableStdin = !opened.input;
        onState("open", opened.input ? "" : "Only shown: nothing that is typed is read.");
        if (opened.input) terminal.focus();
      }
      if (ended) {
        told = true;
        terminal.options.disableStdin = true;
        terminal.options.cursorBlink = false;
        onState("ended", ended.reason);
      }
    };
    socket.onclose = () => {
      if (!told && !closed) onState("lost", "The connection to the daemon is lost.");
    };
  }

  start().catch((error) => onState("lost", `The terminal could not be opened: ${error.message}.`));
  return {
    close() {
      closed = true;
      observer?.disconnect();
      socket?.close();
      terminal?.dispose();
      // The element may be the next one's.
      delete element.terminal;
    },
  };
}

/** Also where the page has no clipboard: over plain HTTP from another machine. */
function copy(text) {
  if (navigator.clipboard) {
    navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
