// SPDX-License-Identifier: GPL-3.0-or-later
// Composition of the Prompt page.
#include "ui/pages/prompt_page.h"

#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/engine_report.h"
#include "ui/engine/local_engine.h"
#include "ui/nodes/reconnect_notice.h"
#include "ui/prompt/branch_map.h"
#include "ui/prompt/composer.h"
#include "ui/prompt/conversation_list.h"
#include "ui/prompt/prefill_strip.h"
#include "ui/prompt/sampler_panel.h"
#include "ui/prompt/system_panel.h"
#include "ui/prompt/token_table.h"
#include "ui/prompt/transcript_header.h"
#include "ui/prompt/transcript_view.h"
#include "ui/shell/action_registry.h"
#include "ui/shell/handoff.h"
#include "ui/shell/panel.h"
#include "ui/shell/status_model.h"
#include "ui/start/start_view.h"

#include <QDesktopServices>
#include <QStackedWidget>
#include <QTabBar>
#include <QTimer>
#include <QUrl>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

namespace {

constexpr int kListWidth = 252;
constexpr int kDockWidth = 348;
constexpr int kMargin = 8;

QString workspaceFile(const Paths& paths) {
    return paths.data + QStringLiteral("/workspace.db");
}

} // namespace

PromptPage::PromptPage(const ShellContext& shell)
    : Page(QStringLiteral("prompt"), shell), controller_(workspaceFile(shell.paths)) {
    buildCenter();
    buildList();
    buildDock();
    connectController();
    connectTranscript();
    connectComposer();
    connectEngine();
    connectNodes();
    registerActions();
    showAbilities();
    showLine();
    showTarget();
}

PromptPage::~PromptPage() = default;

QWidget* PromptPage::headerWidget() {
    return header_;
}

QString PromptPage::headerTitle() const {
    const LineView& line = controller_.line();
    return line.title.isEmpty() ? tr("New conversation") : line.title;
}

void PromptPage::activated() {
    composer_->focusInput();
    if (const auto wish = context().handoff.takeAblation()) {
        controller_.showTurnThen(wish->turn, [this, wish = *wish] { // at the node of its conversation
            controller_.regenerateUnder(wish.turn, wish.recipe);
            transcript_->scrollToEnd();
        });
    }
    if (const auto wish = context().handoff.takeNode()) {
        moveTo(wish->node);
    }
    if (const auto wish = context().handoff.takeDraft()) {
        beginWith(wish->text);
    }
}

// A new conversation whose composer holds the text, before what was typed there and not sent.
void PromptPage::beginWith(const QString& text) {
    begin_with_ = text;
    controller_.newConversation();
}

void PromptPage::addToDraft(const QString& text) {
    composer_->setText(textBefore(text, composer_->text()));
    controller_.setDraft(composer_->text());
}

QJsonObject PromptPage::saveSession() const {
    return {{"conversation", QString::number(controller_.line().id)},
            {"tint", static_cast<int>(transcript_->tint())}};
}

void PromptPage::restoreSession(const QJsonObject& session) {
    const int tint = session["tint"].toInt();
    if (tint >= 0 && tint <= static_cast<int>(TintMode::Entropy)) {
        setTint(static_cast<TintMode>(tint));
    }
    const qint64 id = session["conversation"].toString().toLongLong();
    if (id > 0) {
        controller_.openFirst(id);
    }
}

void PromptPage::buildCenter() {
    ThemeManager& themes = context().themes;
    header_ = new TranscriptHeader(themes, this);
    auto* body = new QWidget;
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(0, 0, 0, kMargin);
    column->setSpacing(kMargin);
    center_ = new QStackedWidget;
    start_ = new StartView(context());
    transcript_ = new TranscriptView(themes);
    center_->addWidget(start_);
    center_->addWidget(transcript_);
    prefill_ = new PrefillStrip(themes);
    prefill_->hide();
    composer_ = new Composer(themes);
    column->addWidget(center_, 1);
    auto* lower = new QVBoxLayout;
    lower->setContentsMargins(24, 0, 24, 0);
    lower->setSpacing(kMargin);
    reconnect_ = new ReconnectNotice(themes);
    lower->addWidget(reconnect_);
    lower->addWidget(prefill_);
    lower->addWidget(composer_);
    column->addLayout(lower);
    body->setMinimumWidth(420);
    setCentralWidget(body);
    connect(start_, &StartView::samplePicked, this, [this](const SamplePrompt& sample) {
        applySystemPrompt();
        controller_.send(sample.prompt);
        controller_.setDraft(composer_->text()); // what is being typed was not sent
    });
}

void PromptPage::buildList() {
    list_ = new ConversationList(context().themes);
    addPanel(QStringLiteral("conversations"), tr("Conversations"), list_, Qt::LeftDockWidgetArea, kListWidth,
             QKeySequence(QStringLiteral("Ctrl+B"), QKeySequence::PortableText));
    rows_timer_.setSingleShot(true);
    rows_timer_.setInterval(0);
    connect(&rows_timer_, &QTimer::timeout, this, &PromptPage::showRows);
    connectList();
}

void PromptPage::connectList() {
    connect(list_, &ConversationList::filterChanged, this, [this](const ConversationFilter& filter) {
        controller_.search(filter.search);
        rows_timer_.start();
    });
    connect(list_, &ConversationList::openRequested, this, &PromptPage::openRow);
    connect(list_, &ConversationList::branchOpenRequested, this,
            [this](qint64, qint64 turn) { controller_.showTurn(turn); });
    connect(list_, &ConversationList::newRequested, this,
            [this] { context().actions.run(QStringLiteral("prompt.new")); });
    connect(list_, &ConversationList::renamed, &controller_, &ConversationController::rename);
    connect(list_, &ConversationList::removeRequested, &controller_, &ConversationController::remove);
    connect(list_, &ConversationList::starToggled, this, [this](qint64 id) {
        for (const ConversationRow& row : controller_.allRows()) {
            if (row.id == id) {
                controller_.setStarred(id, !row.starred);
                return;
            }
        }
    });
    connect(list_, &ConversationList::exportRequested, this, &PromptPage::exportConversation);
    connect(list_, &ConversationList::tagsRequested, this, &PromptPage::editTags);
    connect(list_, &ConversationList::duplicateRequested, &controller_, &ConversationController::duplicate);
    connect(list_, &ConversationList::folderRequested, &controller_, &ConversationController::setFolder);
}

void PromptPage::buildDock() {
    ThemeManager& themes = context().themes;
    pages_ = new QStackedWidget;
    sampler_ = new SamplerPanel(themes);
    system_ = new SystemPanel(themes);
    branches_ = new BranchPanel(themes);
    tabs_ = new QTabBar;
    tabs_->setDrawBase(false);
    tabs_->setAccessibleName(tr("Sampler, system prompt and branches"));
    const std::pair<QString, QWidget*> pages[] = {
        {tr("Sampler"), sampler_}, {tr("System"), system_}, {tr("Branches"), branches_}};
    for (const auto& [title, page] : pages) {
        tabs_->addTab(title);
        pages_->addWidget(page);
    }
    connect(tabs_, &QTabBar::currentChanged, pages_, &QStackedWidget::setCurrentIndex);
    Panel* panel = addPanel(QStringLiteral("dock"), tr("Sampler and branches"), pages_, Qt::RightDockWidgetArea,
                            kDockWidth, QKeySequence(QStringLiteral("Ctrl+Alt+B"), QKeySequence::PortableText));
    panel->setHeaderWidget(tabs_);
    connect(sampler_, &SamplerPanel::settingsChanged, &controller_, &ConversationController::setSampler);
    connect(sampler_, &SamplerPanel::presetSaveRequested, &controller_, &ConversationController::savePreset);
    connect(sampler_, &SamplerPanel::presetDeleteRequested, &controller_, &ConversationController::removePreset);
    connect(sampler_, &SamplerPanel::tokenLookupRequested, this,
            [this](const QString& text, double bias) { controller_.lookUpToken(text, bias); });
    connect(&controller_, &ConversationController::tokenLookedUp, sampler_, &SamplerPanel::addBias);
    connect(&controller_, &ConversationController::tokenLookupFailed, sampler_, &SamplerPanel::setBiasMessage);
    connect(sampler_, &SamplerPanel::changedFromPresetChanged, this, [this](bool changed) {
        tabs_->setTabIcon(0, changed ? context().themes.icon(QStringLiteral("dot"), Role::Accent) : QIcon());
    });
    connect(system_, &SystemPanel::applyRequested, &controller_, &ConversationController::setSystemPrompt);
    connect(&controller_, &ConversationController::created, system_, &SystemPanel::takeAlong);
    BranchMap* map = &branches_->map();
    connect(map, &BranchMap::openRequested, &controller_, &ConversationController::showTurn);
    connect(map, &BranchMap::removeRequested, &controller_, &ConversationController::removeBranch);
    connect(map, &BranchMap::renameRequested, this, &PromptPage::nameBranch);
    // Only what is shown can be looked at without leaving the line.
    connect(map, &BranchMap::previewRequested, transcript_, &TranscriptView::scrollToTurn);
    connect(&controller_, &ConversationController::mapChanged, map, &BranchMap::setNodes);
}

// What a search found is opened where it stands, be it on another branch or far up.
void PromptPage::openRow(qint64 id) {
    hit_ = {};
    for (const ConversationRow& row : controller_.rows()) {
        if (row.id == id && row.match_turn != 0) {
            hit_ = row;
            return controller_.showTurn(row.match_turn);
        }
    }
    controller_.open(id);
}

void PromptPage::showHit() {
    for (const Turn& turn : controller_.line().turns) {
        if (turn.id != hit_.match_turn) {
            continue;
        }
        const ConversationRow hit = std::exchange(hit_, {});
        // The line may have been shortened at both ends.
        const QString line = QString(hit.match).remove(QChar(0x2026));
        const QString word = hit.match.mid(hit.match_start, hit.match_length);
        const qsizetype at = turn.text.indexOf(line);
        const qsizetype place = turn.text.indexOf(word, std::max<qsizetype>(at, 0), Qt::CaseInsensitive);
        if (place >= 0) {
            transcript_->scrollToText(turn.id, static_cast<int>(place));
        } else {
            transcript_->scrollToTurn(turn.id); // in its thinking
        }
        return;
    }
}

void PromptPage::showLine() {
    const LineView& line = controller_.line();
    transcript_->setTurns(line.turns);
    center_->setCurrentWidget(line.turns.isEmpty() ? static_cast<QWidget*>(start_) : transcript_);
    if (shown_ != line.id) {
        if (composer_->text() != line.draft) {
            composer_->setText(line.draft);
        }
        shown_ = line.id;
        controller_.countDraft(composer_->text());
    }
    if (line.id == 0 && !begin_with_.isEmpty()) {
        addToDraft(std::exchange(begin_with_, {}));
        composer_->focusInput();
    }
    system_->setApplied(line.id, line.system_prompt);
    start_->setOffered(line.turns.isEmpty());
    // What it offers to go on with is the end of the line, or it is not here.
    if (line.turns.isEmpty() || prefill_->state().turn != line.turns.last().id) {
        prefill_->setState({});
    }
    composer_->setMode(line.raw ? SendMode::Completion : SendMode::Chat);
    followNode();
    composer_->setQueued(static_cast<int>(controller_.queue().size()));
    sampler_->setSettings(line.sampler);
    QString branch;
    for (const ConversationBranch& each : line.branches) {
        branch = each.current ? each.label : branch; // the deepest one on the line
    }
    header_->setTitle({}, branch);
    emit headerTitleChanged();
    rows_timer_.start();
    if (hit_.match_turn != 0) {
        showHit();
    }
}

// A new conversation begins with the system prompt that stands there, be it applied or only typed.
void PromptPage::applySystemPrompt() {
    if (controller_.line().id == 0) {
        system_->apply();
    }
}

void PromptPage::showSampler() {
    const client::ModelInfo& model = controller_.engineInfo().model;
    std::optional<SamplerPreset> recommended;
    if (!model.sampling.empty()) {
        const QString name = tr("%1, as recommended").arg(QString::fromStdString(model.id));
        recommended = SamplerPreset{name, controller_.modelSampler(), true};
    }
    sampler_->setModel(QString::fromStdString(model.id));
    sampler_->setModelPreset(recommended);
    sampler_->setSettings(controller_.line().sampler);
}

void PromptPage::showRows() {
    const ConversationFilter& filter = list_->filter();
    const LineView& line = controller_.line();
    QList<ConversationRow> rows;
    rows.reserve(controller_.rows().size());
    for (const ConversationRow& each : controller_.rows()) {
        if ((filter.starred && !each.starred) || (!filter.tag.isEmpty() && !each.tags.contains(filter.tag))) {
            continue;
        }
        rows << each;
        if (each.id == line.id) {
            rows.last().open = true;
            rows.last().branches = line.branches;
        }
    }
    list_->setRows(rows);
    list_->setTotal(static_cast<int>(controller_.allRows().size()));
    showTags();
}

void PromptPage::showTags() {
    QStringList tags;
    for (const ConversationRow& row : controller_.allRows()) {
        for (const QString& tag : row.tags) {
            if (!tags.contains(tag)) {
                tags << tag;
            }
        }
    }
    tags.sort(Qt::CaseInsensitive);
    list_->setTags(tags);
}

void PromptPage::showRunning() {
    const bool stoppable = controller_.running() || controller_.interrupted();
    composer_->setRunning(controller_.running() || controller_.heldBack(controller_.line().id));
    composer_->setStoppable(stoppable);
    context().actions.setEnabled(QStringLiteral("prompt.stop"), stoppable, tr("No answer is being written"));
    showTarget();
}

void PromptPage::showTokenDetail(TokenRef token, const TokenView& view) {
    transcript_->setTokenDetail(token, view);
    if (transcript_->focusedToken() == token) {
        sampler_->setToken(view);
    }
}

void PromptPage::showTokens(qint64 turn, const QList<TokenView>& tokens) {
    const QList<Turn>& turns = controller_.line().turns;
    const auto at = std::find_if(turns.begin(), turns.end(), [turn](const Turn& each) { return each.id == turn; });
    if (at == turns.end()) {
        return;
    }
    if (!table_) {
        table_ = new TokenTableDialog(context().themes, this);
        connect(&table_->table(), &TokenTable::tokenActivated, this,
                [this](TokenRef token) { transcript_->setFocusedToken(token); });
    }
    Turn detailed = *at;
    detailed.tokens = tokens;
    table_->showTurn(detailed);
}

void PromptPage::reportFailure(const QString& message) {
    context().notices.post({.id = "prompt", .severity = Severity::Error, .text = message, .details = {}});
}

void PromptPage::reportWorkspace(const QString& message, bool damaged) {
    Notice notice{.id = "workspace", .severity = Severity::Error, .text = message, .details = {}};
    if (damaged) {
        notice.actions << NoticeAction{tr("Move it aside and start anew"),
                                       [this] { controller_.store().startNew(); }};
    } else {
        notice.actions << NoticeAction{tr("Try again"),
                                       [this] { controller_.store().open(controller_.store().file()); }};
    }
    notice.actions << NoticeAction{tr("Go on without saving"),
                                   [this] { controller_.store().open(QStringLiteral(":memory:")); }};
    context().notices.post(notice);
}

void PromptPage::setTint(TintMode mode) {
    transcript_->setTint(mode);
    header_->setTint(mode);
}

qint64 PromptPage::currentTurn() const {
    const int index = transcript_->currentTurn();
    return index >= 0 && index < transcript_->document().turnCount() ? transcript_->document().turn(index).id : 0;
}

qint64 PromptPage::lastAnswer() const {
    const QList<Turn>& turns = controller_.line().turns;
    for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn) {
        if (turn->role == TurnRole::Assistant) {
            return turn->id;
        }
    }
    return 0;
}

} // namespace fulgurite
