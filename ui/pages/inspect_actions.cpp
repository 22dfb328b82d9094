// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that can be done on the Inspect page as a whole, for the menus, the palette and the keyboard.
#include "core/probe/capture/costs.h"
#include "core/probe/capture/decay.h"
#include "core/probe/capture/held_heads.h"
#include "ui/base/format.h"
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/inspect/head_badge.h"
#include "ui/inspect/inspect_header.h"
#include "ui/pages/inspect_page.h"
#include "ui/shell/action_registry.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>

namespace fulgurite {

void InspectPage::registerActions() {
    const auto add = [this](const char* id, const QString& title, const char* icon, const char* keys,
                            const QString& keywords, std::function<void()> run) {
        context().actions.add({.id = QLatin1String(id),
                               .title = title,
                               .category = QStringLiteral("Inspect"),
                               .icon = QLatin1String(icon),
                               .shortcut = QKeySequence(QLatin1String(keys), QKeySequence::PortableText),
                               .page = this->id(),
                               .keywords = keywords},
                              this, std::move(run));
    };
    add("inspect.open", tr("Open a capture…"), "folder-open", "Ctrl+Shift+O", tr("file fcap"),
        [this] { chooseCapture(); });
    add("inspect.open_config", tr("Open a config for its decay horizon…"), "file", "", tr("model json half-life"),
        [this] { chooseConfig(); });
    add("inspect.m1", tr("Show the decay horizon of MiniMax-M1"), "flame", "",
        tr("456B 80 layers 64 heads half-life"),
        [this] { showShape(capture::minimaxM1Shape(), QStringLiteral("MiniMax-M1")); });
    add("inspect.save", tr("Save the capture as…"), "save", "Ctrl+Shift+S", tr("export copy file fcap"),
        [this] { saveCapture(); });
    add("inspect.close", tr("Close the capture"), "close", "", {}, [this] { closeCapture(); });
    add("inspect.back", tr("Back to what was selected before"), "chevron-left", "Alt+Left", tr("history undo"),
        [this] { selection_.back(); });
    add("inspect.forward", tr("Forward to what was selected after"), "chevron-right", "Alt+Right",
        tr("history redo"), [this] { selection_.forward(); });
    add("inspect.clear", tr("Select nothing"), "close", "Ctrl+Shift+A", tr("deselect chips"),
        [this] { selection_.set({}); });
    add("inspect.undo_ticks", tr("Undo ticking heads"), "undo", "Ctrl+Z", tr("ablate"),
        [this] { selection_.undoTicks(); });
    add("inspect.redo_ticks", tr("Redo ticking heads"), "redo", "Ctrl+Shift+Z", tr("ablate"),
        [this] { selection_.redoTicks(); });
    add("inspect.capture", tr("Capture this answer again…"), "inspect", "", tr("record take"),
        [this] { planCapture(); });
    add("inspect.ablation", tr("Ablate and compare…"), "regenerate", "Ctrl+Shift+E",
        tr("zero intervention heads experts"), [this] { showTab(QStringLiteral("ablation")); });
    add("inspect.ablate", tr("Ablate the ticked heads and regenerate"), "regenerate", "Ctrl+Return",
        tr("zero intervention branch"), [this] { ablate(tickedHeads(), true); });
    add("inspect.ablate_prompt", tr("Ablate the ticked heads from the prompt on and regenerate"), "regenerate", "",
        tr("zero intervention branch whole"), [this] { ablate(tickedHeads(), false); });
    add("inspect.ablate_selected", tr("Ablate the selected expert or layer and regenerate"), "regenerate", "",
        tr("zero intervention branch"), [this] { ablate(selectedPart(), true); });
    registerPaletteSources();
    connect(&selection_, &Selection::historyChanged, this, &InspectPage::updateActions);
    updateActions();
}

// '#' in the palette goes to a head, ':' to a token of the capture.
void InspectPage::registerPaletteSources() {
    const auto go = [this](const QString& title, const QString& note, const QString& icon, auto select) {
        return PaletteItem{title, note, icon, [this, select] {
                               context().actions.run(QStringLiteral("view.page.inspect"));
                               select();
                           }};
    };
    context().actions.addPaletteSource(
        {.prefix = u'#', .hint = tr("head"), .find = [this, go](const QString& query) {
             QList<PaletteItem> found;
             for (const capture::HeadRef head : headsNamed(query, decay_)) {
                 const QString note = decay_.unbounded(head.layer)
                                          ? kindName(LayerKind::Softmax)
                                          : tr("%1, half-life %2 tokens")
                                                .arg(kindName(LayerKind::Lightning),
                                                     distanceText(capture::reach(decay_.rate(head), 0.5)));
                 found << go(headText(head), note, QStringLiteral("inspect"),
                             [this, head] { selection_.setHead(head); });
             }
             return found;
         }});
    context().actions.addPaletteSource(
        {.prefix = u':', .hint = tr("token"), .find = [this, go](const QString& query) {
             bool number = false;
             const qulonglong token = query.toULongLong(&number);
             QList<PaletteItem> found;
             if (number && source_ && token < source_->info().tokens) {
                 found << go(tr("Token %L1").arg(token), source_->name(), QStringLiteral("next"),
                             [this, token] { selection_.setQuery(token); });
             }
             return found;
         }});
}

void InspectPage::showTab(const QString& id) {
    header_->setCurrentTab(std::max(0, static_cast<int>(tab_ids_.indexOf(id))));
    tabs_->currentWidget()->setFocus();
}

void InspectPage::updateActions() {
    ActionRegistry& actions = context().actions;
    const QString none = tr("No capture is open");
    actions.setEnabled(QStringLiteral("inspect.save"), source_ != nullptr, none);
    actions.setEnabled(QStringLiteral("inspect.close"), source_ != nullptr || config_opened_, none);
    actions.setEnabled(QStringLiteral("inspect.ablation"), source_ != nullptr, none);
    actions.setEnabled(QStringLiteral("inspect.back"), selection_.canGoBack(), tr("Nothing was selected before"));
    actions.setEnabled(QStringLiteral("inspect.forward"), selection_.canGoForward(),
                       tr("Nothing was selected after"));
    const QString unknown = tr("Only for a capture that was taken of an answer in this session");
    const bool ticked = !selection_.ticked().empty();
    for (const char* id : {"inspect.ablate", "inspect.ablate_prompt"}) {
        actions.setEnabled(QLatin1String(id), ticked && captured_turn_ != 0,
                           ticked ? unknown : tr("No head is ticked"));
    }
    const bool part = !selectedPart().empty();
    actions.setEnabled(QStringLiteral("inspect.ablate_selected"), part && captured_turn_ != 0,
                       part ? unknown : tr("No expert of a layer and no layer is selected"));
    actions.setEnabled(QStringLiteral("inspect.capture"), wish_.has_value(),
                       tr("Choose Inspect this answer on the Prompt page first"));
    actions.setEnabled(QStringLiteral("inspect.undo_ticks"), selection_.canUndoTicks(), tr("Nothing to undo"));
    actions.setEnabled(QStringLiteral("inspect.redo_ticks"), selection_.canRedoTicks(), tr("Nothing to redo"));
}

void InspectPage::fillCaptureMenu() {
    capture_menu_->clear();
    const auto add = [this](const char* id) {
        capture_menu_->addAction(context().actions.action(QLatin1String(id)));
    };
    add("inspect.open");
    if (!recent_.isEmpty()) {
        QMenu* recent = capture_menu_->addMenu(tr("Recent captures"));
        recent->setToolTipsVisible(true);
        for (const QString& file : std::as_const(recent_)) {
            QAction* action =
                recent->addAction(QFileInfo(file).fileName(), this, [this, file] { openCapture(file); });
            action->setToolTip(file);
            action->setEnabled(QFileInfo::exists(file));
        }
    }
    fillEngineCaptures(capture_menu_->addMenu(tr("With the engine")));
    add("inspect.capture");
    capture_menu_->addSeparator();
    add("inspect.save");
    add("inspect.open_config");
    add("inspect.m1");
    add("inspect.close");
}

void InspectPage::showCaptureName() {
    if (!source_) {
        header_->setCapture({}, tr("No capture is open. The decay horizon shows without one."));
        return;
    }
    const capture::CaptureInfo& info = source_->info();
    header_->setCapture(
        source_->name(),
        tr("%1, %2 tokens, attention of %3, %4\ntaken %5 by engine %6")
            .arg(QString::fromStdString(info.model), grouped(static_cast<std::int64_t>(info.tokens)))
            .arg(info.attention_heads.empty()
                     ? tr("%1 of %2 layers").arg(info.attention_layers.size()).arg(info.config.layers.size())
                     : tr("%1 heads in %2 layers").arg(capture::heldCount(info)).arg(info.attention_layers.size()))
            .arg(bytesText(static_cast<std::int64_t>(info.bytes)), QString::fromStdString(info.created),
                 QString::fromStdString(info.engine)));
}

void InspectPage::chooseCapture() {
    const QString file = QFileDialog::getOpenFileName(
        this, tr("Open a capture"), QFileInfo(recent_.value(0)).path(), tr("Captures (*.fcap);;All files (*)"));
    if (!file.isEmpty()) {
        openCapture(file);
    }
}

void InspectPage::chooseConfig() {
    const QString file = QFileDialog::getOpenFileName(this, tr("Open the config of a model"), {},
                                                      tr("Configurations (*.json);;All files (*)"));
    if (!file.isEmpty()) {
        openConfig(file);
    }
}

void InspectPage::saveCapture() {
    if (!source_) {
        return;
    }
    QString name = source_->name();
    if (!name.endsWith(QStringLiteral(".fcap"))) {
        name += QStringLiteral(".fcap");
    }
    const QString file = QFileDialog::getSaveFileName(this, tr("Save the capture"), name, tr("Captures (*.fcap)"));
    if (file.isEmpty()) {
        return;
    }
    source_->saveAs(file, [this](const client::Outcome<QString>& saved) {
        if (!saved.ok()) {
            reportFailure(QString::fromUtf8(saved.error().what()));
            return;
        }
        remember(saved.value());
        context().notices.post({.id = "inspect-saved",
                                .severity = Severity::Info,
                                .text = tr("Saved as %1").arg(saved.value()),
                                .details = {},
                                .seconds = 6});
    });
}

} // namespace fulgurite
