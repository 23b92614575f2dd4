/**
 * `npm run build`: the typed client as a package of its own in `dist/`, to be packed from there. The
 * rest of Holdfast runs from its source; only what others install is compiled, because Node runs no
 * TypeScript under `node_modules`.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const SOURCE = join(ROOT, 'temporal');
const TYPES = join(SOURCE, 'holdfast-client', 'types.ts');

rmSync(DIST, { recursive: true, force: true });
const program = programOf(join(ROOT, 'tsconfig.build.json'));
requireNoErrors(program);
for (const file of program.getSourceFiles())
  if (file.fileName.startsWith(join(SOURCE, 'holdfast-client'))) emit(program, file);
writePackage();
console.log('dist/ holds the client. Pack it with: npm pack ./dist');

function programOf(config: string): ts.Program {
  const { config: json } = ts.readConfigFile(config, (path) => readFileSync(path, 'utf8')) as {
    config: unknown;
  };
  const { fileNames, options } = ts.parseJsonConfigFileContent(json, ts.sys, ROOT);
  return ts.createProgram(fileNames, options);
}

function requireNoErrors(of: ts.Program) {
  const problems = ts.getPreEmitDiagnostics(of);
  if (problems.length === 0) return;
  const host = { getCurrentDirectory: () => ROOT, getNewLine: () => '\n' };
  console.error(ts.formatDiagnostics(problems, { ...host, getCanonicalFileName: (name) => name }));
  process.exit(1);
}

/** Nothing of the client's types is there at run time, and what they are read from is not shipped. */
function emit(of: ts.Program, file: ts.SourceFile) {
  if (file.fileName === TYPES) {
    write('holdfast-client/types.js', 'export {};\n');
    write('holdfast-client/types.d.ts', spelledOut(of, file));
    return;
  }
  of.emit(file, (path, text) => {
    write(
      path.slice(join(DIST, 'temporal').length + 1),
      text.replaceAll(/(from '.*)\.ts'/g, "$1.js'"),
    );
  });
}

/** Each exported type as its members, without the schemas it was read from. */
function spelledOut(of: ts.Program, file: ts.SourceFile): string {
  const checker = of.getTypeChecker();
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;
  const lines = checker.getExportsOfModule(checker.getSymbolAtLocation(file)!).map((symbol) => {
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    return `export type ${symbol.name} = ${checker.typeToString(type, undefined, flags)};`;
  });
  return `${lines.join('\n')}\n`;
}

/** Its own manifest: whoever installs the client needs none of the service's dependencies. */
function writePackage() {
  const { name, version, description, license, type, engines } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  const entry = { types: './holdfast-client.d.ts', default: './holdfast-client.js' };
  const manifest = { name, version, description, license, type, engines };
  write('package.json', JSON.stringify({ ...manifest, exports: { './client': entry } }, null, 2));
  for (const file of ['README.md', 'LICENSE']) copyFileSync(join(ROOT, file), join(DIST, file));
}

function write(path: string, text: string) {
  const target = join(DIST, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  console.log(`  ${join(basename(DIST), path)}`);
}
