// Compiles the header operations of a rule. Rule: only names that a header can have, and never those that route or frame the message.

import type { HeaderOperationTemplate, PolicyRuleSpec } from '@xebec/config';
import { quote } from '@xebec/config/decode';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import type { ExpressionLanguage } from '../expressions/expression.ts';
import type { CompiledHeaderOperation, CompiledRule, CompileText } from './compiled.ts';
import type { Faults } from './faults.ts';

export interface HeaderScope {
  readonly compile: CompileText;
  readonly vocabulary: Vocabulary;
  readonly language: ExpressionLanguage;
  readonly faults: Faults;
}

export function compileHeaders(
  spec: PolicyRuleSpec,
  scope: HeaderScope,
): Pick<CompiledRule, 'requestHeaders' | 'responseHeaders'> {
  return {
    requestHeaders: compileOperations(spec.requestHeaderOperations, 'requestHeaderOperations', scope),
    responseHeaders: compileOperations(spec.responseHeaderOperations, 'responseHeaderOperations', scope),
  };
}

function compileOperations(
  written: readonly HeaderOperationTemplate[],
  field: string,
  scope: HeaderScope,
): readonly CompiledHeaderOperation[] {
  return written.flatMap((operation, index) => {
    const path = ['spec', field, index];
    if (!isHeaderName(operation.name)) {
      const message = `${quote(operation.name)} is no header that a rule may change`;
      scope.faults.add([...path, 'name'], { code: 'invalid-header', message, remedy: 'name another header' });
      return [];
    }
    const values = operation.values.flatMap((text, at) => {
      const compiled = scope.compile(text, scope.vocabulary, scope.language);
      if (compiled.ok && compiled.value.type !== 'STRING_MAP') return [compiled.value];
      if (compiled.ok) {
        const message = 'must be text, is STRING_MAP';
        const remedy = 'take one of its keys: ["KEY"]';
        scope.faults.add([...path, 'values', at], { code: 'wrong-type', message, remedy });
      } else {
        scope.faults.adopt([...path, 'values', at], compiled.diagnostics);
      }
      return [];
    });
    return [{ name: operation.name.toLowerCase(), operation: operation.operation, values }];
  });
}

const forbidden: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const isHeaderName = (name: string): boolean =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/.test(name) && !forbidden.has(name.toLowerCase());
