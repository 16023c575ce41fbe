/**
 * The TypeScript key of a proto name, exactly as ts-proto makes it under `snakeToCamel=keys`. Not the
 * localName of protobuf-es: that one joins "x_1" to "x1" but escapes reserved words, and keeps the case of
 * names that are all upper-case, where ts-proto lowers them.
 */
export function fieldKey(protoName: string): string {
  if (!protoName.includes('_')) return protoName;
  const mixedCase = /[a-z]/.test(protoName);
  const words = protoName.split('_').map((word) => (mixedCase ? word : word.toLowerCase()));
  return words.map((word, i) => (i === 0 ? word : capitalize(word))).join('');
}

function capitalize(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
