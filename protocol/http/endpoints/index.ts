/** The API: every endpoint, in the order in which the documents show them. */
import type { Endpoint } from '../endpoint.js';
import { audienceExports } from './audience-exports.js';
import { audienceQuestions } from './audience-questions.js';
import { documentsOf } from './documents.js';
import { persistenceEndpoints } from './persistence.js';
import { releaseEndpoints } from './releases.js';
import { savedAudiences } from './saved-audiences.js';
import { serverEndpoints } from './server.js';
import { tagReports } from './tag-reports.js';
import { tagUsers } from './tag-users.js';
import { tags } from './tags.js';
import { users } from './users.js';
import { versionEndpoints } from './versions.js';

/** Those that the client has methods for, each with its types. */
export type ClientEndpoint = (
  | typeof users
  | typeof tags
  | typeof tagReports
  | typeof tagUsers
  | typeof versionEndpoints
  | typeof releaseEndpoints
  | typeof audienceQuestions
  | typeof savedAudiences
  | typeof audienceExports
  | typeof persistenceEndpoints
)[number];

/** Those of `ClientEndpoint`. */
export const clientEndpoints: readonly Endpoint[] = [
  ...users,
  ...tags,
  ...tagReports,
  ...tagUsers,
  ...versionEndpoints,
  ...releaseEndpoints,
  ...audienceQuestions,
  ...savedAudiences,
  ...audienceExports,
  ...persistenceEndpoints,
];

const documented: readonly Endpoint[] = [...clientEndpoints, ...serverEndpoints];

export const allEndpoints: readonly Endpoint[] = [...documented, ...documentsOf(documented)];
