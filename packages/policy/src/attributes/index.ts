// Attributes: what they can hold, which there are, and where they are looked up.
export type { AttributeJson } from './attribute-json.ts';
export { convert, formatValue, isValueType, readAttributes, valueTypes } from './attribute-json.ts';
export { formatReferences, RecordingSource, sourceOf } from './bag.ts';
export { istioAttributes } from './istio-attributes.ts';
export { istioVocabulary, makeVocabulary, vocabularyOf } from './make-vocabulary.ts';
export type * from './value.ts';
export { Duration, Timestamp } from './value.ts';
export type * from './vocabulary.ts';
