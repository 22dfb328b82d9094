// SPDX-License-Identifier: GPL-3.0-or-later
// Draws the Prompt page's widgets with made-up data into a folder, dark and light, for people who work on them:
//   QT_QPA_PLATFORM=offscreen prompt_gallery DIR
#include "prompt_samples.h"
#include "ui/base/theme_manager.h"
#include "ui/prompt/token_popup.h"
#include "ui/prompt/transcript_view.h"

#include <QApplication>
#include <QDir>
#include <QScrollBar>

using namespace fulgurite;

namespace {

void settle() {
    for (int i = 0; i < 20; ++i) {
        QApplication::processEvents();
    }
}

void drawTranscript(ThemeManager& themes, const QString& path) {
    TranscriptView view(themes);
    view.resize(750, 760);
    view.setTint(TintMode::Surprise);
    view.setTurns(samples::showcase());
    view.show();
    settle();
    view.document().setThinkingOpen(1, false);
    view.scrollToTurn(1);
    view.verticalScrollBar()->setValue(0);
    settle();
    view.grab().save(path + QStringLiteral("transcript.png"));
    view.setFocus();
    view.focusNextUncertain();
    view.openPopup();
    view.setTokenCost(view.focusedToken(), 410, 0.069);
    view.setTokenBranches(view.focusedToken(),
                          {{view.tokenOf(view.focusedToken())->before.value(3).id, QStringLiteral("branch B")}});
    settle();
    view.grab().save(path + QStringLiteral("popup.png"));
    view.closePopup();
    view.setTint(TintMode::Probability);
    view.scrollToEnd();
    view.beginEdit(3);
    settle();
    view.grab().save(path + QStringLiteral("transcript-end.png"));
}

} // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    const QString folder = argc > 1 ? QString::fromLocal8Bit(argv[1]) : QStringLiteral(".");
    QDir().mkpath(folder);
    ThemeManager themes;
    for (const ThemeMode mode : {ThemeMode::Dark, ThemeMode::Light}) {
        themes.setMode(mode);
        themes.apply();
        const QString path =
            folder + (mode == ThemeMode::Dark ? QStringLiteral("/dark-") : QStringLiteral("/light-"));
        drawTranscript(themes, path);
    }
    return 0;
}
