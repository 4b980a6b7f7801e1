/**
 * Introspection data (D-Bus specification, "Introspection Data Format"), written from descriptions.
 */

import type { ArgumentShape, InterfaceShape, MethodShape, PropertyShape } from './interface.ts';

/** The document of one object: its interfaces and the names of its children. */
export function introspectionXml(interfaces: Iterable<InterfaceShape>, children: Iterable<string>): string {
  const parts = [DOCTYPE, '<node>\n'];
  for (const each of interfaces) parts.push(interfaceXml(each));
  for (const child of children) parts.push(`  <node name="${child}"/>\n`);
  parts.push('</node>\n');
  return parts.join('');
}

const DOCTYPE =
  '<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"\n' +
  '"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">\n';

const written = new WeakMap<InterfaceShape, string>();

function interfaceXml(description: InterfaceShape): string {
  let xml = written.get(description);
  if (xml === undefined) {
    const members = [
      ...Object.entries(description.methods).map(([name, shape]) => methodXml(name, shape)),
      ...Object.entries(description.signals).map(([name, shape]) => element('signal', name, argumentsXml(shape))),
      ...Object.entries(description.properties ?? {}).map(([name, shape]) => propertyXml(name, shape)),
    ];
    xml = `  <interface name="${description.name}">\n${members.join('')}  </interface>\n`;
    written.set(description, xml);
  }
  return xml;
}

function methodXml(name: string, shape: MethodShape): string {
  const content = [argumentsXml(shape.in, 'in'), argumentsXml(shape.out, 'out')];
  if (shape.deprecated === true) content.push(annotationXml('org.freedesktop.DBus.Deprecated'));
  if (shape.noReply === true) content.push(annotationXml('org.freedesktop.DBus.Method.NoReply'));
  return element('method', name, content.join(''));
}

function propertyXml(name: string, shape: PropertyShape): string {
  const { type, access } = typeof shape === 'string' ? { type: shape, access: 'read' } : shape;
  return `    <property name="${name}" type="${type}" access="${access}"/>\n`;
}

function argumentsXml(shape: ArgumentShape = {}, direction?: 'in' | 'out'): string {
  const suffix = direction === undefined ? '' : ` direction="${direction}"`;
  return Object.entries(shape)
    .map(([name, type]) => `      <arg name="${name}" type="${type}"${suffix}/>\n`)
    .join('');
}

function annotationXml(name: string): string {
  return `      <annotation name="${name}" value="true"/>\n`;
}

function element(tag: string, name: string, content: string): string {
  return content === '' ? `    <${tag} name="${name}"/>\n` : `    <${tag} name="${name}">\n${content}    </${tag}>\n`;
}
