import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';
import { createScratch } from './scratch.ts';

const mesh = join(import.meta.dirname, '../../mesh');

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
}

/** The names that a file exports from elsewhere: name here, name there, and where that is. */
function passedOn(file: string): { name: string; from: string; theirs: string }[] {
  return parse(file).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return [];
    const { moduleSpecifier, exportClause } = statement;
    if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
    if (exportClause === undefined || !ts.isNamedExports(exportClause)) return [];
    // What a package of others gives is documented there.
    if (!moduleSpecifier.text.startsWith('.')) return [];
    const from = join(dirname(file), moduleSpecifier.text);
    return exportClause.elements.map((element) => ({
      ...{ name: element.name.text, from },
      theirs: (element.propertyName ?? element.name).text,
    }));
  });
}

/** Whether what `file` exports as `name` has a comment that says what it is; undefined: a package's. */
function isDocumented(file: string, name: string): boolean | undefined {
  const source = parse(file);
  const declared = source.statements.filter((statement) => namesOf(statement).includes(name));
  if (declared.length > 0) {
    return declared.some((statement) => ts.getJSDocCommentsAndTags(statement).length > 0);
  }
  const further = passedOn(file).find((each) => each.name === name);
  return further && isDocumented(further.from, further.theirs);
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const { name } = statement as ts.DeclarationStatement;
  return name === undefined ? [] : [name.getText()];
}

test.each(['index.ts', 'edge/index.ts', 'testing/index.ts'])(
  'everything that mesh/%s gives to strangers says what it is',
  (door) => {
    const given = passedOn(join(mesh, door));
    expect(given.length).toBeGreaterThan(5);
    const silent = given.filter(({ from, theirs }) => isDocumented(from, theirs) === false);
    expect(silent.map(({ name }) => name)).toEqual([]);
  },
);

test('an export without a comment is found', () => {
  const scratch = createScratch();
  try {
    const door = "export { Said, Silent as Told } from './parts.ts';\n";
    const parts = '/** Said. */\nexport const Said = 1;\n\nexport interface Silent {}\n';
    scratch.write({ 'door.ts': door, 'parts.ts': parts });
    const file = join(scratch.root, 'door.ts');
    expect(isDocumented(file, 'Said')).toBe(true);
    expect(isDocumented(file, 'Told')).toBe(false);
  } finally {
    scratch.close();
  }
});
