// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/nodes/connect_panel.h"

#include "ui/base/theme_manager.h"
#include "ui/nodes/node_hub.h"

#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTabBar>
#include <QUrl>
#include <QVBoxLayout>

namespace fulgurite {

namespace {

constexpr int kTunnel = 0;
constexpr int kAddress = 1;
constexpr int kUsualPort = 8080;

QLabel* fieldLabel(const QString& text, QWidget* buddy) {
    auto* label = new QLabel(text);
    label->setProperty("tone", "small");
    label->setBuddy(buddy);
    buddy->setAccessibleName(text);
    return label;
}

} // namespace

ConnectPanel::ConnectPanel(ThemeManager& themes, NodeHub& hub, QWidget* parent)
    : QWidget(parent),
      themes_(themes),
      hub_(hub),
      route_(new QTabBar),
      host_(new QComboBox),
      port_(new QSpinBox),
      behind_(new QLineEdit),
      address_(new QLineEdit),
      fingerprint_(new QLineEdit),
      note_(new QLabel),
      name_(new QLineEdit),
      model_(new QLineEdit),
      token_(new QLineEdit),
      show_token_(new QPushButton(tr("show"))),
      steps_(new QWidget),
      step_rows_(new QVBoxLayout(steps_)),
      trust_(new QPushButton(tr("Trust this certificate"))),
      test_(new QPushButton(tr("Test"))),
      accept_(new QPushButton(tr("Connect"))) {
    setAccessibleName(tr("Connect a node"));
    build();
    beginNew();
}

ConnectPanel::~ConnectPanel() = default;

void ConnectPanel::build() {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(12, 8, 12, 10);
    column->setSpacing(5);
    route_->addTab(tr("SSH tunnel"));
    route_->addTab(tr("Address"));
    route_->setAccessibleName(tr("How the node is reached"));
    host_->setEditable(true);
    host_->setInsertPolicy(QComboBox::NoInsert);
    port_->setRange(1, 65535);
    behind_->setPlaceholderText(QStringLiteral("127.0.0.1"));
    address_->setPlaceholderText(QStringLiteral("http://host:8080"));
    name_->setPlaceholderText(tr("the host's name"));
    model_->setPlaceholderText(tr("the first that it offers"));
    note_->setProperty("tone", "small");
    note_->setWordWrap(true);
    token_->setEchoMode(QLineEdit::Password);
    show_token_->setProperty("kind", "link");
    show_token_->setAccessibleName(tr("Show the token"));
    column->addWidget(route_);
    column->addWidget(host_label_ = fieldLabel(tr("Host, from your ssh configuration"), host_));
    column->addWidget(host_);
    column->addWidget(port_label_ = fieldLabel(tr("Port there"), port_));
    column->addWidget(port_);
    column->addWidget(behind_label_ =
                          fieldLabel(tr("Machine behind it; with https:// where it encrypts"), behind_));
    column->addWidget(behind_);
    column->addWidget(address_label_ = fieldLabel(tr("Address"), address_));
    column->addWidget(address_);
    column->addWidget(fingerprint_label_ =
                          fieldLabel(tr("SHA-256 of its certificate, where no authority signed it"), fingerprint_));
    column->addWidget(fingerprint_);
    column->addWidget(note_);
    column->addWidget(fieldLabel(tr("Name in this window"), name_));
    column->addWidget(name_);
    column->addWidget(fieldLabel(tr("Model, where it offers several"), model_));
    column->addWidget(model_);
    column->addWidget(fieldLabel(tr("Token, kept in the desktop's secret service"), token_));
    auto* token_row = new QHBoxLayout;
    token_row->addWidget(token_, 1);
    token_row->addWidget(show_token_);
    column->addLayout(token_row);
    step_rows_->setContentsMargins(0, 6, 0, 6);
    step_rows_->setSpacing(3);
    column->addWidget(steps_);
    column->addWidget(trust_);
    trust_->setAccessibleName(trust_->text());
    connect(trust_, &QPushButton::clicked, this, [this] {
        fingerprint_->setText(QString::fromStdString(trial_->offered()->fingerprint));
        test();
    });
    auto* cancel = new QPushButton(tr("Cancel"));
    accept_->setProperty("kind", "accent");
    for (QPushButton* button : {test_, cancel, accept_})
        button->setAccessibleName(button->text());
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(test_);
    buttons->addStretch(1);
    buttons->addWidget(cancel);
    buttons->addWidget(accept_);
    column->addLayout(buttons);
    column->addStretch(1);

    connect(route_, &QTabBar::currentChanged, this, &ConnectPanel::showRoute);
    connect(show_token_, &QPushButton::clicked, this, [this] {
        const bool hidden = token_->echoMode() == QLineEdit::Password;
        token_->setEchoMode(hidden ? QLineEdit::Normal : QLineEdit::Password);
        show_token_->setText(hidden ? tr("hide") : tr("show"));
    });
    connect(test_, &QPushButton::clicked, this, &ConnectPanel::test);
    connect(accept_, &QPushButton::clicked, this, &ConnectPanel::accept);
    connect(cancel, &QPushButton::clicked, this, &ConnectPanel::cancelled);
    for (QLineEdit* field : {address_, behind_, host_->lineEdit()})
        connect(field, &QLineEdit::textChanged, this, [this] { accept_->setEnabled(problem().isEmpty()); });
    for (QLineEdit* field : {address_, behind_, name_, model_, token_})
        connect(field, &QLineEdit::returnPressed, this, &ConnectPanel::accept);
}

void ConnectPanel::loadHosts() {
    const QString typed = host_->currentText();
    host_->clear();
    host_->addItems(sshHosts(sshConfigFile()));
    host_->setCurrentText(typed);
}

void ConnectPanel::beginNew() {
    trial_.reset();
    editing_.clear();
    loadHosts();
    host_->setCurrentText({});
    port_->setValue(kUsualPort);
    for (QLineEdit* field : {address_, behind_, fingerprint_, name_, model_, token_})
        field->clear();
    token_->setPlaceholderText(tr("none"));
    accept_->setText(tr("Connect"));
    route_->setCurrentIndex(kAddress);
    showRoute();
    showSteps();
}

void ConnectPanel::setAddress(const QString& address) {
    route_->setCurrentIndex(kAddress);
    address_->setText(address);
}

void ConnectPanel::edit(const QString& id) {
    const NodeEntry* entry = hub_.book().find(id);
    if (!entry)
        return;
    beginNew();
    editing_ = id;
    const QUrl address(entry->address);
    route_->setCurrentIndex(entry->tunnelled() ? kTunnel : kAddress);
    host_->setCurrentText(entry->ssh_host);
    port_->setValue(address.port(kUsualPort));
    address_->setText(entry->tunnelled() ? QString() : entry->address);
    const bool secure = address.scheme() == QLatin1String("https");
    const bool itself = address.host() == QLatin1String("127.0.0.1") && !secure;
    behind_->setText(itself || !entry->tunnelled()
                         ? QString()
                         : (secure ? QStringLiteral("https://") : QString()) + address.host());
    fingerprint_->setText(entry->fingerprint);
    name_->setText(entry->name);
    model_->setText(entry->model);
    token_->setPlaceholderText(tr("as it was"));
    accept_->setText(tr("Save"));
}

void ConnectPanel::showRoute() {
    const bool tunnel = route_->currentIndex() == kTunnel;
    for (QWidget* each :
         std::initializer_list<QWidget*>{host_label_, host_, port_label_, port_, behind_label_, behind_})
        each->setVisible(tunnel);
    for (QWidget* each : std::initializer_list<QWidget*>{address_label_, address_})
        each->setVisible(!tunnel);
    note_->setText(tunnel
                       ? tr("Uses the system's ssh with its configuration, agent and jump hosts: your key stays "
                            "where it is. It must connect without asking for a password.")
                       : tr("A Fulgurite node, or any server with OpenAI's interface: vLLM, SGLang, llama-server, "
                            "transformers serve. Without /v1 at the end."));
    accept_->setEnabled(problem().isEmpty());
}

NodeEntry ConnectPanel::entryFromFields() const {
    NodeEntry entry;
    if (const NodeEntry* before = hub_.book().find(editing_))
        entry = *before;
    entry.name = name_->text().trimmed();
    entry.model = model_->text().trimmed();
    entry.fingerprint = fingerprint_->text().trimmed();
    if (route_->currentIndex() == kTunnel) {
        entry.ssh_host = host_->currentText().trimmed();
        QString behind = behind_->text().trimmed();
        if (behind.isEmpty())
            behind = QStringLiteral("127.0.0.1");
        if (!behind.contains(QLatin1String("://")))
            behind.prepend(QStringLiteral("http://"));
        entry.address = QStringLiteral("%1:%2").arg(behind).arg(port_->value());
        return entry;
    }
    entry.ssh_host.clear();
    entry.address = address_->text().trimmed();
    if (!entry.address.isEmpty() && !entry.address.contains(QLatin1String("://")))
        entry.address.prepend(QStringLiteral("http://"));
    while (entry.address.endsWith(u'/'))
        entry.address.chop(1);
    if (entry.address.endsWith(QLatin1String("/v1")))
        entry.address.chop(3);
    return entry;
}

QString ConnectPanel::problem() const {
    const NodeEntry entry = entryFromFields();
    if (route_->currentIndex() == kTunnel && entry.ssh_host.isEmpty())
        return tr("Name a host.");
    try {
        client::parseUrl(entry.address.toStdString());
        return {};
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
}

// A connection of its own, with what the fields say; nothing is kept of it.
bool ConnectPanel::test() {
    if (!problem().isEmpty())
        return false;
    NodeEntry entry = entryFromFields();
    if (entry.id.isEmpty() || !token_->text().isEmpty())
        entry.id = QStringLiteral("test");
    trial_.reset();
    trial_secrets_ = std::make_unique<SecretStore>(QString());
    trial_secrets_->keepForSession(entry.id, token_->text());
    trial_ =
        std::make_unique<RemoteLink>(entry, entry.id == QStringLiteral("test") ? *trial_secrets_ : hub_.secrets());
    connect(trial_.get(), &RemoteLink::stepsChanged, this, &ConnectPanel::showSteps);
    connect(trial_.get(), &RemoteLink::stateChanged, this, [this] {
        if (trial_->state() == LinkState::Waiting)
            trial_->stopTrying();
        test_->setEnabled(trial_->state() != LinkState::Connecting);
        trust_->setVisible(trial_->offered().has_value());
    });
    trial_->connectNow();
    showSteps();
    return true;
}

void ConnectPanel::showSteps() {
    while (QLayoutItem* item = step_rows_->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    trust_->setVisible(trial_ && trial_->offered());
    if (!trial_)
        return;
    for (const client::ProbeStep& step : trial_->steps()) {
        auto* row = new QLabel;
        row->setTextFormat(Qt::RichText);
        row->setWordWrap(true);
        row->setProperty("tone", "small");
        const QString name = QString::fromStdString(step.name).toHtmlEscaped();
        const QString text = QString::fromStdString(step.text).toHtmlEscaped();
        const QString mark =
            step.ok ? QStringLiteral("<font color='%1'>✓</font>").arg(themes_.color(Role::Good).name())
                    : QStringLiteral("<font color='%1'>–</font>").arg(themes_.color(Role::Warn).name());
        row->setText(QStringLiteral("%1 <b>%2</b> %3").arg(mark, name, text));
        row->setAccessibleName(tr("%1: %2, %3").arg(name, step.ok ? tr("yes") : tr("no"), text));
        step_rows_->addWidget(row);
    }
}

void ConnectPanel::accept() {
    if (!problem().isEmpty())
        return;
    const NodeEntry entry = entryFromFields();
    trial_.reset();
    if (editing_.isEmpty()) {
        emit done(hub_.add(entry, token_->text()));
        return;
    }
    NodeEntry changed = entry;
    if (changed.name.isEmpty())
        changed.name = hub_.nameOf(editing_);
    hub_.change(changed, token_->text().isEmpty() ? std::nullopt : std::optional(token_->text()));
    emit done(editing_);
}

} // namespace fulgurite
