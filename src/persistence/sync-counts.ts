/** How long a disk took, as counts that cost next to nothing. */
import { LatencyCounts } from '../latency-counts.js';

/** Syncs of the journal. */
export class SyncCounts extends LatencyCounts {
  /** Those that failed; they have no duration. */
  failed = 0;
}
