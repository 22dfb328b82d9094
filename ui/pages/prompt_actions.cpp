// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that can be done on the Prompt page, for the menus, the palette and the keyboard.
#include "ui/pages/prompt_page.h"

#include "ui/base/theme_manager.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/conversation_list.h"
#include "ui/prompt/sampler_panel.h"
#include "ui/prompt/transcript_view.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/command_match.h"

#include <QFileDialog>
#include <QInputDialog>
#include <QTabBar>

#include <algorithm>

namespace fulgurite {

namespace {

constexpr qsizetype kMostPaletteItems = 60;

QKeySequence keysOf(const char* text) {
    return QKeySequence(QString::fromLatin1(text), QKeySequence::PortableText);
}

// A title as a file name.
QString fileNameFrom(const QString& title) {
    QString name = title.isEmpty() ? QStringLiteral("conversation") : title.left(60);
    for (QChar& c : name) {
        if (!c.isLetterOrNumber() && c != QLatin1Char('-') && c != QLatin1Char('.') && c != QLatin1Char(' ')) {
            c = QLatin1Char('_');
        }
    }
    return name.trimmed();
}

} // namespace

void PromptPage::registerActions() {
    registerConversationActions();
    registerTurnActions();
    registerViewActions();
    registerSamplerActions();
    registerPaletteSource();
    ActionRegistry& actions = context().actions;
    actions.setEnabled(QStringLiteral("prompt.undo"), false, tr("Nothing to undo"));
    actions.setEnabled(QStringLiteral("prompt.redo"), false, tr("Nothing to redo"));
    actions.setEnabled(QStringLiteral("prompt.stop"), false, tr("No answer is being written"));
}

void PromptPage::registerConversationActions() {
    const auto add = [this](const char* id, const QString& title, const char* category, const char* icon,
                            const char* keys, const QString& keywords, std::function<void()> run) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QLatin1String(category),
                               .icon = QLatin1String(icon),
                               .shortcut = keysOf(keys),
                               .page = this->id(),
                               .keywords = keywords},
                              this, std::move(run));
    };
    add("prompt.new", tr("New conversation"), "File", "plus", "Ctrl+N", tr("chat start"), [this] {
        controller_.newConversation();
        composer_->focusInput();
    });
    add("prompt.import", tr("Import conversations..."), "File", "import", "", tr("open json markdown"),
        [this] { importConversations(); });
    add("prompt.export", tr("Export this conversation..."), "File", "export", "Ctrl+Shift+S",
        tr("save json markdown"), [this] { exportConversation(controller_.line().id); });
    add("prompt.export_all", tr("Export all conversations..."), "File", "export", "", tr("save json backup"),
        [this] { exportAll(); });
    add("prompt.duplicate", tr("Duplicate this conversation"), "Edit", "copy", "", tr("copy clone"), [this] {
        if (const qint64 id = controller_.line().id) {
            controller_.duplicate(id);
        }
    });
    add("prompt.folder", tr("Move this conversation to a folder..."), "Edit", "folder", "", tr("group sort"),
        [this] { moveToFolder(); });
    add("prompt.attach", tr("Attach text files..."), "File", "attach", "Ctrl+Shift+A", tr("add document upload"),
        [this] { composer_->chooseFiles(); });
    add("prompt.tags", tr("Tags of this conversation..."), "Edit", "title", "", tr("label category"),
        [this] { editTags(controller_.line().id); });
    add("prompt.undo", tr("Undo"), "Edit", "undo", "Ctrl+Z", tr("back restore"), [this] { controller_.undo(); });
    add("prompt.redo", tr("Redo"), "Edit", "redo", "Ctrl+Shift+Z", tr("again"), [this] { controller_.redo(); });
    add("prompt.search", tr("Search conversations"), "Edit", "search", "Ctrl+F", tr("find text"),
        [this] { list_->focusSearch(); });
    add("prompt.rename", tr("Rename this conversation..."), "Edit", "edit", "F2", tr("title"),
        [this] { renameConversation(controller_.line().id); });
    add("prompt.star", tr("Star or unstar this conversation"), "Edit", "star", "", tr("favourite mark"),
        [this] { controller_.setStarred(controller_.line().id, !controller_.line().starred); });
    add("prompt.delete", tr("Delete this conversation"), "Edit", "trash", "", tr("remove"),
        [this] { controller_.remove(controller_.line().id); });
}

void PromptPage::registerTurnActions() {
    const auto add = [this](const char* id, const QString& title, const char* icon, const char* keys,
                            const QString& keywords, std::function<void()> run) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QStringLiteral("Prompt"),
                               .icon = QLatin1String(icon),
                               .shortcut = keysOf(keys),
                               .page = this->id(),
                               .keywords = keywords},
                              this, std::move(run));
    };
    add("prompt.stop", tr("Stop the answer"), "stop", "Ctrl+.", tr("cancel interrupt prefill"),
        [this] { controller_.stop(); });
    add("prompt.continue", tr("Continue the answer"), "play", "Ctrl+Shift+Return", tr("go on"), [this] {
        if (const qint64 turn = lastAnswer()) {
            controller_.continueAnswer(turn);
        }
    });
    add("prompt.regenerate", tr("Regenerate the answer"), "regenerate", "Ctrl+R", tr("again retry"), [this] {
        if (const qint64 turn = lastAnswer()) {
            controller_.regenerate(turn);
        }
    });
    add("prompt.edit_last", tr("Edit your last message"), "edit", "Ctrl+E", tr("change branch"), [this] {
        const QList<Turn>& turns = controller_.line().turns;
        const auto last = std::find_if(turns.rbegin(), turns.rend(),
                                       [](const Turn& turn) { return turn.role == TurnRole::User; });
        if (last != turns.rend()) {
            transcript_->beginEdit(last->id);
        }
    });
    add("prompt.branch", tr("Branch after this message"), "branch", "Ctrl+Shift+B", tr("fork tree"), [this] {
        if (const qint64 turn = currentTurn()) {
            controller_.branchAfter(turn);
            composer_->focusInput();
        }
    });
    add("prompt.remove_branch", tr("Delete this message and what follows"), "trash", "", tr("branch remove"),
        [this] {
            if (const qint64 turn = currentTurn()) {
                controller_.removeBranch(turn);
            }
        });
    add("prompt.name_branch", tr("Name this branch..."), "edit", "", tr("rename label"), [this] {
        if (const qint64 turn = currentTurn()) {
            nameBranch(turn);
        }
    });
    add("prompt.next_version", tr("Next version of this message"), "chevron-right", "Ctrl+Alt+Right", tr("sibling"),
        [this] { controller_.switchSibling(currentTurn(), 1); });
    add("prompt.previous_version", tr("Previous version of this message"), "chevron-left", "Ctrl+Alt+Left",
        tr("sibling"), [this] { controller_.switchSibling(currentTurn(), -1); });
    add("prompt.token_table", tr("Show the tokens as a table"), "table", "Ctrl+T", tr("csv numbers probability"),
        [this] { controller_.askTurnTokens(lastAnswer()); });
    add("prompt.inspect", tr("Inspect this answer"), "inspect", "Ctrl+I", tr("capture heads attention experts why"),
        [this] {
            const TokenRef focused = transcript_->focusedToken();
            inspectToken(focused.valid() ? focused : TokenRef{lastAnswer(), -1});
        });
    add("prompt.write", tr("Write a message"), "prompt", "Ctrl+L", tr("composer focus input"),
        [this] { composer_->focusInput(); });
    add("prompt.raw", tr("Switch between chat and raw text"), "prompt", "Ctrl+Shift+R", tr("completion notebook"),
        [this] {
            controller_.setRaw(!controller_.line().raw);
            composer_->setMode(controller_.line().raw ? SendMode::Completion : SendMode::Chat);
        });
}

void PromptPage::registerViewActions() {
    const std::tuple<const char*, QString, TintMode, const char*> tints[] = {
        {"prompt.tint.off", tr("Tint: off"), TintMode::Off, "Ctrl+Alt+0"},
        {"prompt.tint.probability", tr("Tint: probability"), TintMode::Probability, "Ctrl+Alt+1"},
        {"prompt.tint.surprise", tr("Tint: surprise"), TintMode::Surprise, "Ctrl+Alt+2"},
        {"prompt.tint.entropy", tr("Tint: entropy"), TintMode::Entropy, "Ctrl+Alt+3"}};
    for (const auto& [id, title, mode, keys] : tints) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QStringLiteral("View"),
                               .shortcut = keysOf(keys),
                               .page = this->id(),
                               .keywords = tr("colour tokens")},
                              this, [this, mode = mode] { setTint(mode); });
    }
    const std::pair<const char*, QString> tabs[] = {{"prompt.tab.sampler", tr("Show the sampler")},
                                                    {"prompt.tab.system", tr("Show the system prompt")},
                                                    {"prompt.tab.branches", tr("Show the branch map")}};
    int index = 0;
    for (const auto& [id, title] : tabs) {
        context().actions.add(
            {.id = QLatin1String(id), .title = title, .category = QStringLiteral("View"), .page = this->id()}, this,
            [this, index] {
                if (QAction* toggle = context().actions.action(QStringLiteral("prompt.panel.dock"));
                    toggle && !toggle->isChecked()) {
                    toggle->trigger();
                }
                tabs_->setCurrentIndex(index);
            });
        ++index;
    }
    context().actions.add({.id = QStringLiteral("prompt.next_uncertain"),
                           .title = tr("Go to the next uncertain token"),
                           .category = QStringLiteral("View"),
                           .icon = QStringLiteral("next"),
                           .shortcut = keysOf("Ctrl+U"),
                           .page = this->id(),
                           .keywords = tr("surprise")},
                          this, [this] { transcript_->focusNextUncertain(); });
}

void PromptPage::registerSamplerActions() {
    const auto add = [this](const char* id, const QString& title, std::function<void()> run) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QStringLiteral("Prompt"),
                               .page = this->id(),
                               .keywords = tr("sampler settings temperature")},
                              this, std::move(run));
    };
    add("prompt.preset.apply", tr("Apply a sampler preset..."), [this] { choosePreset(); });
    add("prompt.preset.save", tr("Save the sampler as a preset..."), [this] { sampler_->savePreset(); });
    add("prompt.preset.reset", tr("Reset the sampler to its preset"), [this] { sampler_->resetToPreset(); });
    add("prompt.preset.delete", tr("Delete the sampler's preset"), [this] { sampler_->deletePreset(); });
}

void PromptPage::choosePreset() {
    QStringList names;
    for (const SamplerPreset& each : sampler_->presets()) {
        names << each.name;
    }
    bool accepted = false;
    const QString name = QInputDialog::getItem(
        this, tr("Apply a sampler preset"), tr("Preset"), names,
        std::max<int>(0, static_cast<int>(names.indexOf(sampler_->presetName()))), false, &accepted);
    if (accepted && names.contains(name)) {
        sampler_->applyPreset(static_cast<int>(names.indexOf(name)));
    }
}

void PromptPage::moveToFolder() {
    const LineView& line = controller_.line();
    if (line.id == 0) {
        return;
    }
    bool accepted = false;
    const QString folder = QInputDialog::getText(this, tr("Move to folder"), tr("Folder; empty for none"),
                                                 QLineEdit::Normal, line.folder, &accepted);
    if (accepted) {
        controller_.setFolder(line.id, folder.simplified());
    }
}

// While an answer is written its tokens are not all in the workspace yet.
void PromptPage::inspectToken(TokenRef token) {
    if (token.turn == 0 || token.turn == controller_.runningTurn()) {
        reportFailure(token.turn == 0 ? tr("There is no answer to inspect yet.")
                                      : tr("The answer is still being written. Inspect it when it is done."));
        return;
    }
    controller_.askReplay(token);
}

void PromptPage::exportConversation(qint64 id) {
    if (id == 0) {
        return;
    }
    const QString name = fileNameFrom(controller_.line().title) + QStringLiteral(".json");
    const QString file =
        QFileDialog::getSaveFileName(this, tr("Export this conversation"), name,
                                     tr("JSON, with all branches (*.json);;Markdown, as shown (*.md)"));
    if (!file.isEmpty()) {
        controller_.exportTo(file, {id});
    }
}

void PromptPage::exportAll() {
    QList<qint64> all;
    for (const ConversationRow& row : controller_.allRows()) {
        all << row.id;
    }
    if (all.isEmpty()) {
        reportFailure(tr("There is no conversation to export yet."));
        return;
    }
    const QString file =
        QFileDialog::getSaveFileName(this, tr("Export all conversations"), QStringLiteral("conversations.json"),
                                     tr("JSON, with all branches (*.json);;Markdown, as shown (*.md)"));
    if (!file.isEmpty()) {
        controller_.exportTo(file, all);
    }
}

void PromptPage::importConversations() {
    const QString file = QFileDialog::getOpenFileName(this, tr("Import conversations"), {},
                                                      tr("Conversations (*.json *.md);;All files (*)"));
    if (!file.isEmpty()) {
        controller_.importFrom(file);
    }
}

void PromptPage::nameBranch(qint64 turn) {
    bool ok = false;
    const QString name =
        QInputDialog::getText(this, tr("Name this branch"), tr("Name"), QLineEdit::Normal, {}, &ok);
    if (ok) {
        controller_.nameBranch(turn, name.trimmed());
    }
}

void PromptPage::renameConversation(qint64 id) {
    if (id == 0) {
        return;
    }
    bool ok = false;
    const QString title = QInputDialog::getText(this, tr("Rename the conversation"), tr("Title"), QLineEdit::Normal,
                                                controller_.line().title, &ok);
    if (ok && !title.trimmed().isEmpty()) {
        controller_.rename(id, title.trimmed());
    }
}

// One line of names: what is separated by commas is a tag.
void PromptPage::editTags(qint64 id) {
    QStringList tags;
    for (const ConversationRow& row : controller_.allRows()) {
        tags = row.id == id ? row.tags : tags;
    }
    bool accepted = false;
    const QString line = QInputDialog::getText(this, tr("Tags"), tr("Tags, separated by commas; empty for none"),
                                               QLineEdit::Normal, tags.join(QStringLiteral(", ")), &accepted);
    if (!accepted) {
        return;
    }
    tags.clear();
    for (const QString& tag : line.split(u',')) {
        if (const QString name = tag.simplified(); !name.isEmpty() && !tags.contains(name)) {
            tags << name;
        }
    }
    controller_.setTags(id, tags);
}

// '@' in the palette: every conversation, by title or tag.
void PromptPage::registerPaletteSource() {
    context().actions.addPaletteSource(
        {.prefix = u'@', .hint = tr("conversation"), .find = [this](const QString& query) {
             QList<PaletteItem> found;
             for (const ConversationRow& row : controller_.allRows()) {
                 const bool tagged = std::any_of(row.tags.begin(), row.tags.end(), [&](const QString& tag) {
                     return tag.contains(query, Qt::CaseInsensitive);
                 });
                 if (!query.isEmpty() && !tagged && !matchCommand(query, row.title)) {
                     continue;
                 }
                 found << PaletteItem{row.title.isEmpty() ? tr("Untitled") : row.title,
                                      row.tags.join(QStringLiteral(", ")), QStringLiteral("prompt"),
                                      [this, id = row.id] {
                                          context().actions.run(QStringLiteral("view.page.prompt"));
                                          controller_.open(id);
                                      }};
                 if (found.size() == kMostPaletteItems) {
                     break;
                 }
             }
             return found;
         }});
}

} // namespace fulgurite
