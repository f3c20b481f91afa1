// Fetches the parts of the panel. Chromium breaks off what is on its way when the machine gets or loses an interface, as it does
// whenever a container starts: so each is asked for again before it counts as missing.

const AGAIN_MS = [100, 400, 1600];

/** As `fetch`; an answer that is none of success is an error. */
async function persistently(address) {
  for (const pause of [...AGAIN_MS, null]) {
    try {
      const answer = await fetch(address);
      if (answer.ok) return answer;
      throw new Error(`${answer.status} for ${address}`);
    } catch (error) {
      // An answer, or the last attempt.
      if (pause === null || !(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
