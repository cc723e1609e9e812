/** When a saved audience changes, as it is noted of it. */
import type { AudienceRecord } from '../store/audience-record.js';

/**
 * Now, in milliseconds since the epoch, but later than the last change of each of the audiences: so `changed` tells any two
 * states of an audience apart, however fast one follows the other, and never goes back.
 */
export function changeTime(audiences: readonly (AudienceRecord | undefined)[]): number {
  let time = Date.now();
  for (const audience of audiences) if (audience !== undefined) time = Math.max(time, audience.changed + 1);
  return time;
}
