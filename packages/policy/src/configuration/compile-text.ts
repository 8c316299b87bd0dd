// Expressions as the engine compiles them: diagnostics tell the position inside the text, and names that come near.
import { nearest, quote } from '@xebec/config/decode';
import { type Diagnostic, fail } from '@xebec/std';
import type { Vocabulary } from '../attributes/vocabulary.ts';
import { compileExpression } from '../expressions/compile-expression.ts';
import type { CompileText } from './compiled.ts';

export const compileText: CompileText = (text, vocabulary, language) => {
  const compiled = compileExpression(text, { vocabulary, language });
  if (compiled.ok) return compiled;
  return fail(...compiled.diagnostics.map((diagnostic) => describe(diagnostic, vocabulary)));
};

/** The place inside the text goes into the message: the diagnostic's own place is the object's. */
function describe({ origin, ...diagnostic }: Diagnostic, vocabulary: Vocabulary): Diagnostic {
  const where =
    origin?.column === undefined
      ? ''
      : ` (line ${origin.line ?? 1}, column ${origin.column} of the expression)`;
  const remedy = suggestionFor(diagnostic, vocabulary);
  return {
    ...diagnostic,
    message: `${diagnostic.message}${where}`,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function suggestionFor(
  { code, message, remedy }: Omit<Diagnostic, 'origin'>,
  vocabulary: Vocabulary,
): string | undefined {
  const written = code === 'unknown-attribute' ? /[A-Za-z_][\w.]*$/.exec(message.trim())?.[0] : undefined;
  const near = written === undefined ? undefined : nearest(written, vocabulary.names());
  return near === undefined ? remedy : `did you mean ${quote(near)}?`;
}
