import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { pageScript, scriptOf } from '../../../src/report/html/inline.ts';

const joined = (modules: Readonly<Record<string, string>>): string =>
  scriptOf((path) => modules[path]!, 'page/main.js');

const runs = (text: string): unknown => {
  const found: { value?: unknown } = {};
  new Script(text).runInNewContext({ found });
  return found.value;
};

describe('the script of a page', () => {
  it('has every module once, after those that it imports', () => {
    const script = joined({
      'page/main.js':
        "import { a } from './a.js';\nimport { b } from '../b.js';\nfound.value = a + b();\n",
      'page/a.js': "import { b } from '../b.js';\nexport const a = b() + 1;\n",
      'b.js': 'let calls = 0;\nexport function b() { return ++calls; }\n',
    });
    expect(runs(script)).toBe(4);
  });

  it('refuses names that two modules declare, and names that an import changes', () => {
    const twice = joined({
      'page/main.js': "import { a } from './a.js';\nfunction one() {}\n",
      'page/a.js': 'function one() {}\nexport const a = one;\n',
    });
    expect(() => new Script(twice)).toThrow(/'one' has already been declared/);
    const renamed = {
      'page/main.js': "import { a as b } from './a.js';\n",
      'page/a.js': 'export const a = 1;\n',
    };
    expect(() => joined(renamed)).toThrow(/can't rename/);
    expect(() => joined({ 'page/main.js': 'export default 1;\n' })).toThrow(/export default/);
  });

  it('does not end the element that it stands in', () => {
    const script = joined({ 'page/main.js': "found.value = '</script>';\n" });
    expect(script).not.toContain('</script');
    expect(runs(script)).toBe('</script>');
  });

  it('is a script as the program builds it', () => {
    expect(() => new Script(pageScript())).not.toThrow();
    expect(pageScript()).not.toContain('</script');
  });
});
