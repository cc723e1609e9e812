/** The public contract of `segmentd`: the engine, embeddable. The servers are in `segmentd/server`. */

// Audiences
export type { ComparisonOperator, Expression, Value } from './audience/ast.js';
export type { AudienceInfo, Audiences } from './audience/audiences.js';
export { checkExpression } from './audience/check-expression.js';
export type { Overlap } from './audience/comparison.js';
export { type ExplainedPart, type Explanation, explanationLines } from './audience/explain.js';
export { ExpressionError } from './audience/expression-error.js';
export { parseExpression } from './audience/parse.js';
export type { Moment } from './audience/past.js';
export { printExpression } from './audience/print.js';
export type {
  AudienceQueries,
  ExpressionInput,
  PastOptions,
  QueryOptions,
  UserPage,
} from './audience/queries.js';
export type { Distribution, RangeCount, TagStatistics, ValueCount } from './audience/tag-report.js';
export type { CheckReport } from './check.js';
// Engine
export type { Engine, EngineStats, TagInfo } from './engine.js';
// Errors
export { type ErrorCode, errorTable, SegmentdError } from './errors.js';
// Lookups from other threads
export { attachLookup, type Lookup, type LookupHandle } from './lookup.js';
// Changes
export type { Mutation } from './mutation.js';
export { type OpenLaterOptions, openEngine, openEngineLater } from './open.js';
export type { EngineOptions } from './options.js';
export type { FsyncPolicy, OnDurable } from './persistence/journal.js';
export type { KeptSnapshot } from './persistence/manifest.js';
export type { PersistenceInfo } from './persistence/persistence-info.js';
export type { OnProgress, SnapshotInfo } from './persistence/snapshot.js';
export type { AudienceDetails, AudienceKind } from './store/audience-record.js';
export type { TagKind, TagValue } from './store/column.js';
// Versions of tags
export type { ColumnDifference } from './store/column-difference.js';
export type { Query } from './store/query.js';
export type { Release } from './store/release-catalog.js';
export type { Selection } from './store/selection.js';
export type { TagDeclaration } from './store/tag-catalog.js';
export type { VersionInfo, VersionState } from './store/tag-history.js';
export type { PolicyChanges, TagPolicy } from './store/tag-policies.js';
export type { UserId } from './store/user-key.js';
export type { ListCounts } from './store/version-draft.js';
export type { VersionEvent } from './store/version-event.js';
export type { OnVersionEvent } from './versions/events.js';
export type { StaleTag, TagFreshness } from './versions/freshness.js';
export type { Breach } from './versions/gate.js';
export type { ListBatch, Preparation, PreparationOptions, PreparedVersion } from './versions/preparation.js';
export type { ReplacedTag, Replacement, SubmitOptions, TagList } from './versions/replace.js';
export type { HeldVersion, ReleaseDetails, Versions } from './versions/versions.js';
