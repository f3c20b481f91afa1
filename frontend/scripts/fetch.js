// Fetches the parts of the panel. Chromium breaks off what is on its way when the machine gets or loses an interface, as it does
// whenever a container starts: so each is asked for again before it counts as missing.

const AGAIN_MS = [100, 400, 1600];

/** As `fetch`, with the whole body; an answer that is none of success is an error. */
async function persistently(address) {
  for (const pause of [...AGAIN_MS, null]) {
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`${answer.status} for ${address}`);
      // Read here, since it may break off as well.
      return new Response(await answer.arrayBuffer(), { headers: { "content-type": "application/wasm" } });
    } catch (error) {
      // An answer, or the last attempt.
      if (pause === null || !(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
