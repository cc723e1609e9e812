/** The public contract of `segmentd`: the engine, embeddable. The servers are in `segmentd/server`. */

export type { CheckReport } from './check.js';
// Engine
export { type Engine, type EngineStats, openEngine, type TagInfo } from './engine.js';
// Errors
export { type ErrorCode, errorTable, SegmentdError } from './errors.js';
// Lookups from other threads
export { attachLookup, type Lookup, type LookupHandle } from './lookup.js';
// Changes
export type { Mutation } from './mutation.js';
export type { EngineOptions } from './options.js';
export type { PersistenceInfo } from './persistence/journal.js';
export type { TagKind, TagValue } from './store/column.js';
export type { Selection } from './store/selection.js';
export type { TagDeclaration } from './store/tag-catalog.js';
export type { UserId } from './store/user-key.js';
