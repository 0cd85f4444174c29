import type { Report } from '../support/report.js';
import type { Site } from '../support/site.js';

export interface Incident {
  readonly name: string;
  /** The heading in docs/runbook.md that says what to do. */
  readonly chapter: string;
  /** Makes it happen, does what the runbook says, and leaves the site as it was. */
  readonly play: (site: Site, report: Report) => Promise<void>;
}
