// SPDX-License-Identifier: GPL-3.0-or-later
// The Prompt page in a window of its own, over a workspace of its own and at a node that plays scripts.
#pragma once

#include "tests/ui/fake_node.h"
#include "ui/pages/prompt_page.h"
#include "ui/prompt/transcript_view.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/desktop.h"
#include "ui/shell/main_window.h"

#include <QCoreApplication>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace fulgurite {

class PromptBench : public QObject {
  protected:
    PromptPage& page() { return *qobject_cast<PromptPage*>(desktop_->window().page("prompt")); }
    TranscriptView& transcript() { return *page().findChild<TranscriptView*>(); }
    const LineView& line() { return page().controller().line(); }
    bool run(const char* action) { return desktop_->context().actions.run(QLatin1String(action)); }
    void settle() {
        QTRY_VERIFY_WITH_TIMEOUT(!page().controller().running(), 60000);
        page().controller().store().wait();
        QCoreApplication::processEvents();
    }
    void send(const QString& text) {
        page().controller().send(text);
        settle();
    }
    void openWindow(bool with_engine, const QString& model = {}) {
        desktop_ = std::make_unique<Desktop>(
            DesktopOptions{.workspace = folder_->path(), .open = model, .with_engine = with_engine});
        desktop_->show();
        QSignalSpy shown(&page().controller(), &ConversationController::lineChanged);
        QTRY_VERIFY(!shown.isEmpty());
        if (!with_engine) {
            page().controller().setEngine(node_->connect(), FakeNode::info());
        }
    }
    void startAnew() {
        folder_ = std::make_unique<QTemporaryDir>();
        node_ = std::make_unique<FakeNode>();
    }
    void end() {
        desktop_.reset();
        node_.reset();
    }

    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<FakeNode> node_;
    std::unique_ptr<Desktop> desktop_;
};

} // namespace fulgurite
