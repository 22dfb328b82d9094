// SPDX-License-Identifier: Apache-2.0
#include "core/store/runs/run_editor.h"

#include "core/store/runs/run_lock.h"

namespace fulgurite {

void RunEditor::touch(RunId run) {
    if (!database_->integer("SELECT 1 FROM runs WHERE id = ?", run))
        fail(ErrorKind::NotFound, "{}: there is no run {}", database_->path().string(), run);
    database_->run("UPDATE run_state SET generation = generation + 1, updated_us = ? WHERE run_id = ?",
                   nowMicroseconds(), run);
}

void RunEditor::setText(RunId run, const char* column, const std::string& text) {
    Transaction transaction(*database_);
    touch(run);
    database_->run(fmt::format("UPDATE runs SET {} = ? WHERE id = ?", column), text, run);
    transaction.commit();
}

void RunEditor::setName(RunId run, const std::string& name) {
    setText(run, "name", name);
}
void RunEditor::setProject(RunId run, const std::string& project) {
    setText(run, "project", project);
}
void RunEditor::setNotes(RunId run, const std::string& notes) {
    setText(run, "notes", notes);
}
void RunEditor::setConfig(RunId run, const std::string& json) {
    setText(run, "config_json", json);
}

void RunEditor::setTags(RunId run, const std::vector<std::string>& tags) {
    Transaction transaction(*database_);
    touch(run);
    database_->run("DELETE FROM run_tags WHERE run_id = ?", run);
    for (const std::string& tag : tags)
        database_->run("INSERT OR IGNORE INTO run_tags(run_id, tag) VALUES (?, ?)", run, tag);
    transaction.commit();
}

void RunEditor::setStatus(RunId run, RunStatus status) {
    const RunLock lock(database_->path(), run);
    Transaction transaction(*database_);
    touch(run);
    const bool ended = status != RunStatus::Running && status != RunStatus::Paused;
    database_->run("UPDATE runs SET status = ?, ended_us = ? WHERE id = ?", static_cast<int>(status),
                   ended ? std::optional(nowMicroseconds()) : std::nullopt, run);
    transaction.commit();
}

void RunEditor::remove(RunId run) {
    const RunLock lock(database_->path(), run);
    Transaction transaction(*database_);
    touch(run);
    for (const char* table : {"points", "pyramid", "hist", "series_state"})
        database_->run(fmt::format("DELETE FROM {} WHERE sid IN (SELECT id FROM series WHERE run_id = ?)", table),
                       run);
    database_->run("DELETE FROM sample_tokens WHERE sample_id IN (SELECT id FROM samples WHERE run_id = ?)", run);
    for (const char* table : {"series", "samples", "steps", "run_tags", "run_state", "import_state"})
        database_->run(fmt::format("DELETE FROM {} WHERE run_id = ?", table), run);
    database_->run("DELETE FROM runs WHERE id = ?", run);
    transaction.commit();
}

} // namespace fulgurite
