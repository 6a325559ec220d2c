// Time as it passed.

/** By how much the wall clock must be ahead to be believed: it counts whole milliseconds, and is set now and then. */
const SLEPT_MS = 1_000;

let steady = performance.now();
let wall = Date.now();
let passed = 0;

/** @internal Milliseconds that passed, by the steady clock, and by the wall clock where that stood still in a sleep. */
export function now(): number {
  const [ofSteady, ofWall] = [performance.now() - steady, Date.now() - wall];
  steady += ofSteady;
  wall += ofWall;
  passed += ofWall - ofSteady > SLEPT_MS ? ofWall : Math.max(ofSteady, 0);
  return passed;
}
