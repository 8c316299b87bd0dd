// ServiceAccount: its name is the identity; tokens and pull secrets belong to the platform.
import { andThen } from '../../decode/decoder.ts';
import { defineKind, manifestOf } from '../define.ts';
import type { ServiceAccountSpec } from './spec.ts';

const nothing: ServiceAccountSpec = Object.freeze({});
const ignored = ['secrets', 'imagePullSecrets', 'automountServiceAccountToken'];

export const serviceAccountKind = defineKind({
  kind: 'ServiceAccount',
  group: '',
  versions: ['v1'],
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  isNamespaced: true,
  body: andThen(manifestOf({}, { ignored, isTolerant: true }), () => nothing),
});
