import type { JobSpec } from '../model/job.ts';
import type { Attempt } from '../model/node.ts';

/** An attempt that was given to this node, with all that running it takes. */
export interface HeldTask extends Attempt {
  /** What users see of the ordinal. */
  index: number;
  /** A line, or JSON text; null where the job has no items. */
  item: string | null;
  spec: JobSpec;
}
