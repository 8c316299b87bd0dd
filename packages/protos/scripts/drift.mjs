// Compares the committed descriptor set with the descriptors inside an Envoy binary: everything the binary knows
// must be known here. `node packages/protos/scripts/drift.mjs PATH_OF_ENVOY`; exit code 1 when something is missing.
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const home = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** The folders of the API; Envoy also links files of its own and of libraries, which count where we have them. */
const apiFolder = /^(envoy|xds|udpa|opentelemetry)\//;

/** A file descriptor starts with its name (tag 0x0a) and its length; paths are below 128 bytes. */
const nameTag = 0x0a;
const suffix = Buffer.from('.proto');

/** Where a file descriptor may start: right before every string that ends in .proto and has the right length. */
function* candidateStarts(binary) {
  for (let at = binary.indexOf(suffix); at >= 0; at = binary.indexOf(suffix, at + 1)) {
    const end = at + suffix.length;
    for (let length = suffix.length + 1; length < 0x80 && length + 2 <= end; length++) {
      const start = end - length - 2;
      if (binary[start] === nameTag && binary[start + 1] === length) yield start;
    }
  }
}

function readVarint(binary, start) {
  let value = 0;
  for (let at = start, shift = 0; shift < 35; at++, shift += 7) {
    const byte = binary[at];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  return undefined;
}

const varintFields = new Set([10, 11, 14]);
const delimitedFields = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 12]);
const syntaxField = 12;

/** The end of the field that starts here, if FileDescriptorProto has such a field. */
function fieldEnd(binary, start, isFirst) {
  const tag = readVarint(binary, start);
  if (tag === undefined) return undefined;
  const field = tag.value >>> 3;
  const body = readVarint(binary, tag.next);
  if (body === undefined) return undefined;
  if ((tag.value & 7) === 0 && varintFields.has(field)) return { field, end: body.next };
  if ((tag.value & 7) !== 2 || !delimitedFields.has(field) || (field === 1 && !isFirst)) return undefined;
  const end = body.next + body.value;
  return end <= binary.length ? { field, end } : undefined;
}

/** The end of the descriptor that starts here: after its syntax, or before what cannot belong to it. */
function descriptorEnd(binary, start) {
  let at = start;
  for (;;) {
    const field = fieldEnd(binary, at, at === start);
    if (field === undefined) return at;
    at = field.end;
    if (field.field === syntaxField) return at;
  }
}

function parseDescriptor(bytes) {
  try {
    const file = fromBinary(FileDescriptorProtoSchema, bytes);
    return file.package === '' ? undefined : file;
  } catch {
    return undefined; // a path that only looks like the start of a descriptor
  }
}

function descriptorsIn(binary) {
  const files = new Map();
  for (const start of candidateStarts(binary)) {
    const bytes = binary.subarray(start, descriptorEnd(binary, start));
    const file = parseDescriptor(bytes);
    if (file === undefined) continue;
    const known = files.get(file.name);
    if (known === undefined || known.bytes.length < bytes.length) files.set(file.name, { file, bytes });
  }
  return [...files.values()].map(({ file }) => file);
}

function messageFacts(prefix, message, facts) {
  const name = `${prefix}.${message.name}`;
  facts.set(`message ${name}`, '');
  for (const field of message.field) {
    facts.set(
      `field ${name}.${field.name}`,
      `number ${field.number}, type ${field.type} ${field.typeName}, label ${field.label}`,
    );
  }
  for (const nested of message.nestedType) messageFacts(name, nested, facts);
  for (const nested of message.enumType) enumFacts(name, nested, facts);
}

function enumFacts(prefix, type, facts) {
  for (const value of type.value)
    facts.set(`enum value ${prefix}.${type.name}.${value.name}`, `number ${value.number}`);
}

function serviceFacts(prefix, service, facts) {
  for (const { name, inputType, outputType } of service.method) {
    facts.set(`method ${prefix}.${service.name}/${name}`, `${inputType} → ${outputType}`);
  }
}

/** Everything the files declare: what it is and its name, with what must be equal on both sides. */
function factsOf(files) {
  const facts = new Map();
  for (const file of files) {
    for (const message of file.messageType) messageFacts(file.package, message, facts);
    for (const type of file.enumType) enumFacts(file.package, type, facts);
    for (const service of file.service) serviceFacts(file.package, service, facts);
  }
  return facts;
}

function differences(theirs, ours) {
  const lines = [];
  for (const [name, fact] of theirs) {
    if (!ours.has(name)) lines.push(`missing: ${name}`);
    else if (ours.get(name) !== fact)
      lines.push(`different: ${name}: ${ours.get(name)} here, ${fact} in the binary`);
  }
  return lines;
}

function main(path) {
  if (path === undefined) {
    console.error('usage: node packages/protos/scripts/drift.mjs PATH_OF_ENVOY');
    return 2;
  }
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(join(home, 'descriptors/envoy.binpb')));
  const names = new Set(set.file.map((file) => file.name));
  const isCompared = ({ name }) => apiFolder.test(name) || names.has(name);
  const embedded = descriptorsIn(readFileSync(path)).filter(isCompared);
  const theirs = factsOf(embedded);
  if (theirs.size === 0) {
    console.error(`no descriptors found in ${path}; is it an Envoy binary?`);
    return 2;
  }
  const lines = differences(theirs, factsOf(set.file));
  for (const line of lines) console.log(line);
  const fields = [...theirs.keys()].filter((name) => name.startsWith('field ')).length;
  console.log(
    `${embedded.length} files and ${fields} fields in the binary; ${lines.length} missing or different here`,
  );
  return lines.length === 0 ? 0 : 1;
}

process.exitCode = main(process.argv[2]);
