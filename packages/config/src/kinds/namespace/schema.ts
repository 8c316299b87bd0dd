// Namespace: its labels and annotations are all that counts.
import { andThen } from '../../decode/decoder.ts';
import { defineKind, manifestOf } from '../define.ts';
import type { NamespaceSpec } from './spec.ts';

const nothing: NamespaceSpec = Object.freeze({});

export const namespaceKind = defineKind({
  kind: 'Namespace',
  group: '',
  versions: ['v1'],
  plural: 'namespaces',
  shortNames: ['ns'],
  isNamespaced: false,
  nameRule: 'dns-label',
  body: andThen(manifestOf({}, { ignored: ['spec', 'status'], isTolerant: true }), () => nothing),
});
