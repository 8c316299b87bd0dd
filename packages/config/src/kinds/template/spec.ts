// The body of a template of the user's own: a FileDescriptorSet, or its fields written out.

export type TemplateVarietyName = 'CHECK' | 'REPORT' | 'QUOTA' | 'ATTRIBUTE_GENERATOR' | 'CHECK_WITH_OUTPUT';

/** One of `descriptor` and `fields`. */
export interface TemplateSpec {
  /** In base64; empty: `fields` say it. */
  readonly descriptor: string;
  /** With `fields`; a descriptor says it itself. */
  readonly variety?: TemplateVarietyName;
  /** Field to type: a name of `valueType`, `VALUE` (whatever the expression gives), or `MAP_OF_` with one of these. */
  readonly fields: Readonly<Record<string, string>>;
  /** What its adapters give back, field to type. */
  readonly output: Readonly<Record<string, string>>;
}
