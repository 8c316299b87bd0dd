// Bounds that hold before a document is parsed: size, nesting and characters. Time and memory stay linear in the text.
import { Lexer } from 'yaml';
import type { DocumentProblem } from '../types.ts';
import { positionAt } from './split.ts';

export const maxFileLength = 64 * 1024 * 1024;
const maxDocumentLength = 2 * 1024 * 1024;
export const maxDocuments = 100_000;
const maxDepth = 100;
const maxIndent = 400;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\p{Surrogate}/u;
const deepIndent = new RegExp(`^(?:[ \\t]|[-?:][ \\t]){${maxIndent}}`, 'm');

/** Why the document will not be parsed, or undefined. */
export function checkLimits(text: string): DocumentProblem | undefined {
  if (text.length > maxDocumentLength) {
    const message = `the document is longer than ${maxDocumentLength} characters`;
    return problem(text, 0, { code: 'too-large', message, remedy: 'split it into documents with ---' });
  }
  const control = text.search(forbidden);
  if (control >= 0) {
    const code = text.codePointAt(control)?.toString(16).padStart(4, '0').toUpperCase();
    const message = `the character U+${code} is not allowed in YAML`;
    return problem(text, control, {
      code: 'invalid-character',
      message,
      remedy: 'remove it, or write an escape in quotes',
    });
  }
  const deep = findTooDeep(text);
  if (deep < 0) return undefined;
  return problem(text, deep, {
    code: 'too-deep',
    message: `nested deeper than ${maxDepth} levels`,
    remedy: 'flatten it',
  });
}

export function problem(
  text: string,
  offset: number,
  what: Pick<DocumentProblem, 'code' | 'message' | 'remedy'>,
): DocumentProblem {
  return { severity: 'error', ...what, ...positionAt(text, offset) };
}

/** Offset of the first place that is nested too deep, or -1. */
function findTooDeep(text: string): number {
  const indented = text.search(deepIndent);
  if (indented >= 0) return indented;
  let openers = 0;
  for (let at = 0; at < text.length && openers <= maxDepth; at++) {
    const code = text.charCodeAt(at);
    if (code === 91 || code === 123) openers++;
  }
  return openers <= maxDepth ? -1 : findDeepFlow(text);
}

/** Tokens know brackets from text; reading them is linear. */
function findDeepFlow(text: string): number {
  let depth = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth > maxDepth) return offset;
    if (!isMark(token)) offset += token.length;
  }
  return -1;
}

/** The lexer's own marks between tokens are no part of the text. */
const isMark = (token: string): boolean => token === '\u0002' || token === '\u0018' || token === '\u001f';
