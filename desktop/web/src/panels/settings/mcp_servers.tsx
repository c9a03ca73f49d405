// MCP servers: what each one runs word by word, whether it may, what it offers once started; add, approve, remove.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { approveMcpServer, removeMcpServer, startMcpServers } from '../../actions/setting_changes';
import { folderFor } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import { serversQuery, startedQuery, valuesQuery } from '../../setting_queries';
import type { McpServer, McpTool } from '../../setting_requests';
import { useWords } from '../../strings/strings';
import { Exact, Revealed } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { ConfirmButton } from './confirm_button';
import { AddMcpServer } from './mcp_form';
import { Argv } from './notifications';
import { Section, Waiting } from './section';
import { findSetting, SettingSwitch } from './setting_field';
import styles from './settings.module.css';

const HASH = 'sha256';

export function McpServers(): ReactNode {
  const page = usePage();
  const words = useWords('settings.mcp');
  const cwd = usePageState(folderFor);
  const { data, error } = useQuery(serversQuery(page.daemon, cwd));
  const started = useQuery(startedQuery(page.daemon, cwd));
  const { data: values } = useQuery(valuesQuery(page.daemon));
  const problems = [...new Set([...(data?.problems ?? []), ...(started.data?.problems ?? [])])];
  return (
    <>
      <Section title={words('title')} hint={words('hint')} command="opta mcp list">
        <p>{cwd ? words('folder', { folder: line(cwd) }) : words('noFolder')}</p>
        <Waiting error={error} isRead={data !== undefined} />
        {data?.servers.length === 0 ? <p className="dim">{words('none')}</p> : null}
        <ul className={styles.rows}>
          {(data?.servers ?? []).map((server) => (
            <Server key={`${server.origin} ${server.name}`} server={server} cwd={cwd} count={started.data?.offers?.[server.name]?.tools} tools={(started.data?.tools ?? []).filter((tool) => tool.server === server.name)} />
          ))}
        </ul>
        {problems.length ? (
          <ul role="alert">
            {problems.map((problem) => (
              <li key={problem} className="err">
                <Revealed text={problem} />
              </li>
            ))}
          </ul>
        ) : null}
        <div className={styles.row}>
          <Button size="small" disabled={started.isFetching || !data?.servers.length} onClick={() => void perform(page, startMcpServers, cwd)}>
            {words('start')}
          </Button>
          {started.isFetching ? (
            <span className="dim pulse" role="status">
              {words('starting')}
            </span>
          ) : null}
          {started.error && !started.isFetching ? <span className="err">{started.error.message}</span> : null}
        </div>
        <SettingSwitch label={words('browser')} settingKey="mcp.peekaboo" setting={findSetting(values, 'mcp.peekaboo')} />
        <SettingSwitch label={words('browserLocal')} settingKey="mcp.browser-local" setting={findSetting(values, 'mcp.browser-local')} />
      </Section>
      <AddMcpServer />
    </>
  );
}

function Server({ server, cwd, count, tools }: { server: McpServer; cwd: string; count: number | undefined; tools: readonly McpTool[] }): ReactNode {
  const page = usePage();
  const words = useWords('settings.mcp');
  const name = line(server.name);
  return (
    <li>
      <span className={styles.words}>
        <strong>{name}</strong> <span className="dim">{words(`origins.${server.origin}`)}</span> · <span className={server.state === 'approved' ? 'ok' : 'warn'}>{words(`states.${server.state}`)}</span>
        {count === undefined ? null : <span className="dim"> · {words('started', { count })}</span>}
      </span>
      <span className={styles.buttons}>
        {server.state === 'asks' ? (
          <Button size="small" look="primary" aria-label={words('approveOf', { name })} onClick={() => void perform(page, approveMcpServer, { cwd, server })}>
            {words('approve')}
          </Button>
        ) : null}
        {server.origin === 'user' ? (
          <ConfirmButton label={words('removeOf', { name })} sure={words('sure')} onSure={() => perform(page, removeMcpServer, server.name)}>
            {words('remove')}
          </ConfirmButton>
        ) : null}
      </span>
      <div className={styles.whole}>
        {server.url ? (
          <p className={styles.row}>
            <span className="dim">{words('reaches')}</span>
            <code className="exact">
              <Exact text={server.url} />
            </code>
          </p>
        ) : (
          <p className={styles.row}>
            <span className="dim">{words('runs')}</span> <Argv words={server.command} />
          </p>
        )}
        {/* What a repository offers is shown whole, with the values of its variables: they may be the attack. */}
        {server.origin === 'project' && server.env.length ? (
          <p className="warn exact">
            <Exact text={server.says} />
          </p>
        ) : server.env.length ? (
          <p className="dim">{words('env', { names: server.env.map(line).join(', ') })}</p>
        ) : null}
        <p className="dim">
          {server.network ? words('network') : words('noNetwork')}
          {server.state === 'asks' ? ` · ${words('approveHint')} ${HASH} ${server.sha256.slice(0, 12)}` : ''}
        </p>
        {tools.length ? (
          <details className={styles.details}>
            <summary>{words('tools', { name })}</summary>
            <ul className={styles.tools}>
              {tools.map((tool) => (
                <li key={tool.name}>
                  <code>{line(tool.name)}</code> <Revealed text={tool.description.split('\n')[0] ?? ''} />
                </li>
              ))}
            </ul>
          </details>
        ) : null}
      </div>
    </li>
  );
}
