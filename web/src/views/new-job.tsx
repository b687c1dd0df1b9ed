export function NewJob() {
  return <h1>New job</h1>;
}
