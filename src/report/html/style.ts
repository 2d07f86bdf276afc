import { DARK, LIGHT } from './chart/palette.ts';

const variables = (palette: Readonly<Record<string, string>>): string =>
  Object.entries(palette)
    .map(([name, value]) => `--${name}:${value};`)
    .join('');

const LIGHT_ONLY =
  '--panel:#f5f7f9;--good-soft:#e5f4ea;--bad-soft:#fcebea;--plain-soft:#e9f1f8;color-scheme:light;';
const DARK_ONLY =
  '--panel:#1e232a;--good-soft:#16301f;--bad-soft:#3a1d1d;--plain-soft:#17293a;color-scheme:dark;';

const light = variables(LIGHT) + LIGHT_ONLY;
const dark = variables(DARK) + DARK_ONLY;

/** The style sheet of a report: light or dark as the reader's system is, or as they have chosen; light on paper. */
export const STYLE = `
:root{${light}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark}}}
:root[data-theme=dark]{${dark}}
@media print{:root,:root[data-theme=dark],:root:not([data-theme=light]){${light}}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
.top{display:flex;gap:12px;align-items:flex-start;justify-content:space-between}
.kind{margin:0;color:var(--grey);font-size:14px;letter-spacing:.02em}
h1{margin:2px 0 14px;font-size:26px;line-height:1.25;overflow-wrap:anywhere;font-weight:650}
h2{margin:44px 0 10px;font-size:20px;line-height:1.3;font-weight:650}
h3{margin:0 0 2px;font-size:15.5px;font-weight:650;line-height:1.35}
p{margin:0 0 10px;max-width:76ch;overflow-wrap:anywhere}
ul{margin:0 0 10px;padding-left:22px;max-width:90ch}
li{overflow-wrap:anywhere}
a{color:var(--c1)}
.answer{margin:0;padding:14px 18px;border-left:5px solid var(--c1);background:var(--plain-soft);font-size:18px;line-height:1.45;max-width:none;border-radius:0 6px 6px 0}
.answer.good{border-color:var(--good);background:var(--good-soft)}
.answer.bad{border-color:var(--bad);background:var(--bad-soft)}
.warning{padding:10px 14px;border-left:4px solid var(--c5);background:var(--panel);max-width:none;border-radius:0 6px 6px 0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(160px,1fr));gap:10px;margin:16px 0 0;padding:0}
.facts div{background:var(--panel);border-radius:6px;padding:10px 14px;min-width:0}
.facts dt{font-size:13.5px;color:var(--grey)}
.facts dd{margin:0;font-size:21px;font-weight:600;line-height:1.3;overflow-wrap:anywhere}
.facts .detail{display:inline-block;font-size:13.5px;line-height:1.35;font-weight:400;color:var(--grey)}
nav{margin:18px 0 0;font-size:14.5px}
nav ul{list-style:none;padding:0;margin:0;display:flex;flex-wrap:wrap;gap:4px 18px;max-width:none}
figure{margin:18px 0 8px;min-width:0}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:8px 28px}
.note{margin:0 0 4px;color:var(--grey);font-size:14px}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:4px 0 6px;padding:0;list-style:none;font-size:13.5px;max-width:none}
.legend li{display:flex;align-items:center;gap:6px}
.key{flex:none;width:16px;height:11px}
.plot{position:relative;border-radius:4px;touch-action:pan-y;cursor:crosshair}
.plot:focus-visible,button:focus-visible,summary:focus-visible,input:focus-visible,.scroll:focus-visible,a:focus-visible{outline:2px solid var(--c1);outline-offset:2px}
.plot svg{display:block;width:100%;height:auto;font-size:12px;font-family:inherit;font-variant-numeric:tabular-nums;-webkit-user-select:none;user-select:none}
.cursor{position:absolute;pointer-events:none;border-left:1px solid var(--text);width:0}
.ring{position:absolute;pointer-events:none;width:13px;height:13px;margin:-6.5px 0 0 -6.5px;border:2px solid var(--text);border-radius:50%}
.select{position:absolute;pointer-events:none;background:var(--c1);opacity:.18}
.tip{position:absolute;z-index:2;pointer-events:none;background:var(--paper);border:1px solid var(--grey);border-radius:5px;padding:6px 9px;font-size:13px;line-height:1.4;max-width:min(300px,80%);width:max-content;box-shadow:0 2px 10px rgb(0 0 0 / .18);overflow-wrap:anywhere}
.tip b{font-weight:600}
.tip i{display:inline-block;width:9px;height:9px;margin-right:6px;border-radius:2px}
.tools{display:flex;flex-wrap:wrap;gap:6px;align-items:center;margin:4px 0 0}
button{font:inherit;font-size:13.5px;line-height:1.2;min-height:30px;padding:4px 11px;border:1px solid var(--grey);border-radius:5px;background:var(--paper);color:var(--text);cursor:pointer}
button:hover{background:var(--panel)}
button:disabled{opacity:.5;cursor:default}
.tools .hint{font-size:13px;color:var(--grey)}
details{margin:6px 0 10px}
summary{cursor:pointer;font-size:14px;color:var(--c1);width:fit-content;padding:3px 0}
.scroll{overflow-x:auto;max-width:100%;margin:0 0 10px}
.tall{max-height:560px;overflow-y:auto}
table{border-collapse:collapse;font-size:14px;line-height:1.4}
caption{text-align:left;color:var(--grey);font-size:14px;padding:0 0 5px}
th,td{padding:4px 14px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;vertical-align:bottom}
thead th{background:var(--paper)}
.tall thead th{position:sticky;top:0}
.n{text-align:right;white-space:nowrap}
td.text{min-width:7ch;max-width:60ch;overflow-wrap:break-word}
td.text:first-child{min-width:13ch}
.good-text{color:var(--good);font-weight:600}
.bad-text{color:var(--bad);font-weight:600}
th button{border:0;padding:0;min-height:0;background:none;font-weight:600;text-align:inherit;font-size:14px}
.filter{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:0 0 8px;font-size:14px}
input{font:inherit;font-size:14px;padding:4px 8px;min-width:0;width:min(100%,380px);border:1px solid var(--grey);border-radius:5px;background:var(--paper);color:var(--text)}
pre{margin:0;padding:12px 14px;background:var(--panel);border-radius:6px;overflow-x:auto;font:13.5px/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;tab-size:2}
.code{margin:0 0 14px}
.code .caption{display:flex;gap:10px;align-items:center;justify-content:space-between;font-size:14px;margin:0 0 4px}
footer{margin-top:44px;padding-bottom:36px;color:var(--grey);font-size:13.5px}
footer p{margin:0 0 2px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:600px){main,header,footer{padding-left:14px;padding-right:14px}h1{font-size:21px}.answer{font-size:16.5px;padding:12px 14px}h2{margin-top:34px}.facts{grid-template-columns:repeat(2,1fr);gap:8px}.facts dd{font-size:18px}.tools .hint{display:none}}
@media print{@page{margin:14mm}body{font-size:11pt}main,header,footer{max-width:none;padding:0}.tools,.theme,.filter,nav,.tip,.cursor,.ring,.code button,details:not([open]){display:none!important}figure,tr,.facts,.answer{break-inside:avoid}h2,h3{break-after:avoid}.tall{max-height:none;overflow:visible}.scroll,pre{overflow:visible}pre{white-space:pre-wrap}.answer,.facts div,.warning,pre,svg{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
