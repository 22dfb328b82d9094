// SPDX-License-Identifier: GPL-3.0-or-later
// Draws the Prompt page's widgets with made-up data into a folder, dark and light, for people who work on them:
//   QT_QPA_PLATFORM=offscreen prompt_gallery DIR
#include "prompt_samples.h"
#include "ui/base/theme_manager.h"
#include "ui/prompt/branch_map.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/conversation_list.h"
#include "ui/prompt/prefill_strip.h"
#include "ui/prompt/sampler_panel.h"
#include "ui/prompt/token_popup.h"
#include "ui/prompt/token_table.h"
#include "ui/prompt/transcript_header.h"
#include "ui/prompt/transcript_view.h"

#include <QApplication>
#include <QDir>
#include <QScrollBar>
#include <QVBoxLayout>

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

void drawColumn(ThemeManager& themes, const QString& path) {
    QWidget page;
    page.setProperty("surface", "background");
    auto* column = new QVBoxLayout(&page);
    auto* header = new TranscriptHeader(themes, &page);
    header->setTitle(QStringLiteral("Overflow in the blockwise scan"), QStringLiteral("branch A"));
    header->setTint(TintMode::Surprise);
    auto* strip = new PrefillStrip(themes, &page);
    strip->setState({true, false, 7185, 11264, 18430, 5940, QStringLiteral("the snapshot after A")});
    auto* composer = new Composer(themes, &page);
    composer->setTarget({QStringLiteral("ember"), QStringLiteral("this computer"), EngineReadiness::Ready, {}});
    composer->setText(QStringLiteral("Then check whether the same launch also touches the state of layer 0"));
    composer->setDraftTokens(14);
    composer->setRunning(true);
    composer->setQueued(1);
    composer->setContext({18449, 1000000, 756023296, 293601280, 128000000000, 0, 0});
    column->addWidget(header);
    column->addStretch(1);
    column->addWidget(strip);
    column->addWidget(composer);
    page.resize(750, 420);
    page.show();
    settle();
    page.grab().save(path + QStringLiteral("column.png"));
}

void drawSampler(ThemeManager& themes, const QString& path) {
    SamplerPanel panel(themes);
    panel.setProperty("surface", "panel");
    panel.setAttribute(Qt::WA_StyledBackground);
    panel.resize(348, 720);
    SamplerSettings settings = panel.settings();
    settings.repetition_penalty = 1.03;
    settings.seed = 7;
    settings.max_tokens = 8192;
    settings.stop_strings = {QStringLiteral("\n\nYou:")};
    settings.logit_bias = {{812, QStringLiteral(" certainly"), -100, {}}};
    panel.setSettings(settings);
    const Turn answer = samples::showcase()[1];
    for (const TokenView& token : answer.tokens) {
        if (token.logprob < -1.2 && token.channel == TokenChannel::Answer) {
            panel.setToken(token);
            break;
        }
    }
    panel.show();
    settle();
    panel.grab().save(path + QStringLiteral("sampler.png"));
}

void drawLists(ThemeManager& themes, const QString& path) {
    ConversationList list(themes);
    list.resize(252, 600);
    list.setRows(samples::conversations());
    list.setTotal(312);
    list.setTags({QStringLiteral("kernels")});
    list.show();
    BranchPanel branches(themes);
    branches.setProperty("surface", "panel");
    branches.setAttribute(Qt::WA_StyledBackground);
    branches.resize(348, 340);
    branches.map().setNodes(samples::branches());
    branches.setSummary(QStringLiteral("5 snapshots · 1.37 of 8 GiB"));
    branches.show();
    TokenTable table(themes);
    table.setTurn(samples::showcase()[1]);
    table.resize(820, 420);
    table.show();
    settle();
    list.grab().save(path + QStringLiteral("conversations.png"));
    branches.grab().save(path + QStringLiteral("branches.png"));
    table.grab().save(path + QStringLiteral("table.png"));
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
        drawColumn(themes, path);
        drawSampler(themes, path);
        drawLists(themes, path);
    }
    return 0;
}
