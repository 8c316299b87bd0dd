// The public types of config: what an object is once it has been parsed, defaulted and validated.

import type { Diagnostic, Origin, Result } from '@xebec/std';
import type { Decoder } from './decode/decoder.ts';

export type ObjectKey = `${string}/${string}/${string}`;

export interface Metadata {
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** One YAML document before its kind is known to be good. */
export interface RawObject {
  /** Plain data; maps have no prototype keys that could be mistaken for fields. */
  readonly value: unknown;
  /** Position of the document's first key. */
  readonly origin: Origin;
  /** Position of a field, or of its nearest existing ancestor. */
  readonly locate: (path: readonly (string | number)[]) => Origin;
  /** The document's own text, to show and to diff. */
  readonly text: string;
}

/** A valid object of a known kind. `spec` is the kind's own typed body (also for kinds without a `spec` field). */
export interface ConfigObject<Kind extends string = string, Spec = unknown> {
  readonly kind: Kind;
  /** As written: `networking.istio.io/v1beta1`. */
  readonly apiVersion: string;
  readonly metadata: Metadata;
  readonly spec: Spec;
  /** What was written, as plain JSON data with `apiVersion`, `kind`, `metadata`…: shown by `get`, stored in the journal. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

export interface KindDefinition<Kind extends string = string, Spec = unknown> {
  readonly kind: Kind;
  /** Empty for the core group. */
  readonly group: string;
  readonly versions: readonly string[];
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly isNamespaced: boolean;
  /** Changed by the platform at runtime (Pod): kept out of history. */
  readonly isRuntime: boolean;
  /** Objects of it may also be made by the platform at runtime: a WorkloadEntry of a group. */
  readonly mayBeRuntime: boolean;
  /** What `metadata.name` must be. */
  readonly nameRule: 'dns-label' | 'dns-subdomain' | 'service-name';
  /** Decodes the whole manifest; `describe` tells what it takes. */
  readonly body: Decoder<Spec>;
  parseSpec(manifest: Readonly<Record<string, unknown>>, context: ParseContext): Result<Spec>;
}

export interface ParseContext {
  readonly metadata: Metadata;
  /** Builds a diagnostic at a field. */
  readonly at: (
    path: readonly (string | number)[],
    problem: Omit<Diagnostic, 'origin' | 'field'>,
  ) => Diagnostic;
}

/** A problem inside one document; lines count from 1 at the document's first line. */
export interface DocumentProblem extends Omit<Diagnostic, 'origin' | 'field'> {
  readonly line: number;
  readonly column: number;
}

/** One object of a document: the document itself, or an item of a list. */
export interface DocumentObject {
  readonly value: unknown;
  /** Where the object is inside the document: `items`, 3. */
  readonly prefix: readonly (string | number)[];
  readonly line: number;
  readonly column: number;
}

/** A parsed document, independent of its place in a file. Private to the parser. */
export interface ParsedDocument {
  readonly text: string;
  readonly lineCount: number;
  readonly objects: readonly DocumentObject[];
  readonly problems: readonly DocumentProblem[];
}

/** A document at its place. Private to the parser. */
export interface PlacedDocument {
  readonly document: ParsedDocument;
  readonly file: string;
  /** Line of the file at which the document starts, from 1. */
  readonly startLine: number;
  readonly objects: readonly RawObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * What one file holds. Pass it to the next `parseDocuments` of the same file: unchanged documents are reused, and
 * a raw object that is the same and at the same line is the same value (`===`).
 */
export interface ParsedFile {
  readonly objects: readonly RawObject[];
  readonly diagnostics: readonly Diagnostic[];
  readonly documents: readonly PlacedDocument[];
}

export interface ParseOptions {
  /** For objects of namespaced kinds that name no namespace. */
  readonly defaultNamespace: string;
}
